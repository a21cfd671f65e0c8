"""The life of every install: its visits, their number, the gaps between them, what came after."""

from __future__ import annotations

from collections.abc import Callable
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
        stored: returns a table of the warehouse by its name: ``reports``, a row a report; and
            ``visits`` and ``visits_ci``, a row an install and day, see `dashboard.merge`.
    """

    scope: Scope
    stored: Callable[[str], ibis.Table]

    def within(self, since: date | None, until: date | None) -> History:
        """The same history, another period of it shown."""
        return replace(self, scope=replace(self.scope, since=since, until=until))

    @cached_property
    def reports(self) -> ibis.Table:
        """All reports in the scope, unfiltered by what is shown."""
        reports = self._in_scope(self.stored("reports"))
        return reports if self.scope.ci else reports.filter(~_.ci)

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
        visits = self._in_scope(self._stored_visits())
        # A visit that was not there yet on the day the scope ends is none.
        known = (_.day + _.next_gap.as_interval("D")).cast("date") <= lit(self.scope.last_day)
        visits = visits.mutate(
            next_gap=ibis.ifelse(known, _.next_gap, ibis.null("int32")),
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

    def _stored_visits(self) -> ibis.Table:
        visits = self.stored("visits")
        if not self.scope.ci:
            return visits
        with_ci = self.stored("visits_ci")
        return visits.anti_join(with_ci, ["app", "install"]).union(with_ci)

    def _in_scope(self, table: ibis.Table) -> ibis.Table:
        return table.filter(_.app == self.scope.app, _.day <= lit(self.scope.last_day))
