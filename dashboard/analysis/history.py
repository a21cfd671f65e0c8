"""The life of every install: its visits, their number, the gaps between them, what came after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.scope import Scope, Unit, start_of

UNKNOWN = "unknown"
"""Stands for a version or OS that a report doesn't tell."""


@dataclass(frozen=True)
class History:
    """An app's reports and visits within a scope.

    Args:
        stored_reports: the warehouse's ``reports``: a row a report.
        stored_visits: the warehouse's ``visits``: a row an app, install, day and ``ci``, with
            what the day's last report says.
    """

    scope: Scope
    stored_reports: ibis.Table
    stored_visits: ibis.Table

    def within(self, since: date | None, until: date | None) -> History:
        """The same history, another period of it shown."""
        return replace(self, scope=replace(self.scope, since=since, until=until))

    @cached_property
    def reports(self) -> ibis.Table:
        """All reports in the scope, unfiltered by what is shown."""
        return self._in_scope(self.stored_reports)

    @cached_property
    def visits(self) -> ibis.Table:
        """Every visit: install, day, errors, os, os_version, version, metrics, and

        - number: 1 for the install's first visit
        - gap: days since the visit before; null for the first
        - next_gap: days to the visit after; null for the last
        - first_day: the day of the install's first visit
        - censored: its horizon is not over, so leaving can't be told
        - left: not censored, and no visit in the horizon after it
        """
        life = ibis.window(group_by="install", order_by="day")
        visits = self._daily.mutate(
            number=ibis.row_number().over(life) + 1,
            gap=_.day.delta(_.day.lag().over(life), unit="day"),
            next_gap=_.day.lead().over(life).delta(_.day, unit="day"),
            first_day=_.day.min().over(ibis.window(group_by="install")),
            censored=_.day > lit(self.scope.last_judged),
        )
        stayed = visits.next_gap.fill_null(self.scope.horizon + 1) <= self.scope.horizon
        return visits.mutate(left=~visits.censored & ~stayed)

    @cached_property
    def shown_visits(self) -> ibis.Table:
        """The visits that period and filters choose."""
        return self.in_period(self.filtered(self.visits), "day")

    @cached_property
    def exposures(self) -> ibis.Table:
        """Install, day and fingerprint of every error, each once."""
        errors = self.reports.filter(_.kind == "error")
        return errors.select("install", "day", "fingerprint").distinct()

    def filtered(self, table: ibis.Table) -> ibis.Table:
        """The rows whose version and OS are among those shown."""
        scope = self.scope
        if scope.versions:
            table = table.filter(table.version.fill_null(UNKNOWN).isin(scope.versions))
        if scope.systems:
            table = table.filter(table.os.fill_null(UNKNOWN).isin(scope.systems))
        return table

    def in_period(self, table: ibis.Table, column: str, unit: Unit = "D") -> ibis.Table:
        """The rows whose day, week or month (its first day, in `column`) touches the period."""
        scope = self.scope
        if scope.since:
            table = table.filter(table[column] >= lit(start_of(scope.since, unit)))
        if scope.until:
            table = table.filter(table[column] <= lit(scope.until))
        return table

    @cached_property
    def _daily(self) -> ibis.Table:
        visits = self._in_scope(self.stored_visits)
        if not self.scope.ci:
            return visits
        last = {"order_by": ["last_time", "last_id"], "include_null": True}
        return visits.group_by("install", "day").agg(
            reports=_.reports.sum(),
            errors=_.errors.sum(),
            os=_.os.last(**last),
            os_version=_.os_version.last(**last),
            version=_.version.last(**last),
            metrics=_.metrics.last(**last),
        )

    def _in_scope(self, table: ibis.Table) -> ibis.Table:
        table = table.filter(table.app == self.scope.app, table.day <= lit(self.scope.last_day))
        return table if self.scope.ci else table.filter(~table.ci)
