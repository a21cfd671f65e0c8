"""The life of every install: its visits, their number, the gaps between them, what came after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.scope import Scope, Unit, start_of

UNKNOWN = "unknown"
"""Stands for a version or OS that a report doesn't tell."""

LOOK_BACK = timedelta(days=50)
"""How far before a period lie the visits that tell who is active in it, or was the week before."""


_AHEAD = ("next_day", "next_gap", "next_week_gap")
_AS_STORED = (
    *("install", "day", "week", "number", "gap", "week_gap", "first_day", "first_week"),
    *("errors", "os", "version", "profile", "point"),
)


@dataclass(frozen=True)
class History:
    """An app's reports and visits within a scope.

    Args:
        stored: returns a table of the warehouse by its name, see `dashboard.merge`.
    """

    scope: Scope
    stored: Callable[[str], ibis.Table]

    def within(self, since: date | None, until: date | None) -> History:
        """The same history, another period of it shown."""
        return replace(self, scope=replace(self.scope, since=since, until=until))

    @cached_property
    def reports(self) -> ibis.Table:
        """All reports in the scope, unfiltered by what is shown; `profile` as for visits."""
        return self._by_people(self.stored("reports"))

    @cached_property
    def errors(self) -> ibis.Table:
        """Of `reports`, those of kind error."""
        return self._by_people(self.stored("errors"))

    @cached_property
    def visits(self) -> ibis.Table:
        """Every visit: install, day, week (its Monday), errors, os, version, and

        - number: 1 for the install's first visit
        - gap: days since the visit before; null for the first
        - next_day, next_gap: the day of the visit after, and days to it; null for the last
        - week_gap, next_week_gap: the same in weeks, 0 where both lie in one week
        - first_day, first_week: of the install's first visit
        - censored: its horizon is not over, so leaving can't be told
        - left: not censored, and no visit in the horizon after it
        - profile: the number of its row in `profiles`, which holds os_version and metrics
        - point: the number of its row in `points`, its place in the install's life
        """
        visits = self._in_scope(self._lives("visits"))
        # A visit that was not there yet on the day the scope ends is none.
        known = visits.next_day <= lit(self.scope.last_day)
        stayed = (known & (visits.next_gap <= self.scope.horizon)).fill_null(False)
        censored = visits.day > lit(self.scope.last_judged)
        return visits.select(  # all at once: each step more is work for Ibis
            *_AS_STORED,
            **{name: ibis.ifelse(known, visits[name], ibis.null()) for name in _AHEAD},
            censored=censored,
            left=~censored & ~stayed,
        )

    @cached_property
    def chosen_visits(self) -> ibis.Table:
        """The visits that the filters choose; the gaps are those between them.

        What lies more than `LOOK_BACK` before the period is left out, and gaps back to it are
        null as if there were none.
        """
        visits = self.visits
        if self.scope.since:
            visits = visits.filter(_.day >= lit(self.scope.since - LOOK_BACK))
        if not self.scope.filtered:
            return visits
        chosen = self.filtered(visits)
        life = ibis.window(group_by="install", order_by="day")
        return chosen.mutate(
            gap=_.day.delta(_.day.lag().over(life), unit="day"),
            next_day=_.day.lead().over(life),
            next_gap=_.day.lead().over(life).delta(_.day, unit="day"),
            week_gap=_weeks_between(_.week.lag().over(life), _.week),
            next_week_gap=_weeks_between(_.week, _.week.lead().over(life)),
        )

    @cached_property
    def shown_visits(self) -> ibis.Table:
        """The visits that period and filters choose; the gaps are those of the whole life."""
        return self.in_period(self.filtered(self.visits), "day")

    @cached_property
    def deployments(self) -> ibis.Table:
        """Run reports with a solution: install, day, week, task (the number of its row in
        `tasks`), succeeded, os, version, profile, and of all the install's ones:

        - gap, week_gap: days and weeks since the last one of the same task; null for the first
        - solution_gap, solution_week_gap: since the last one of the same solution
        """
        return self._in_scope(self._lives("deployments"))

    @cached_property
    def chosen_deployments(self) -> ibis.Table:
        """Of `deployments`, those that the filters choose, each by what it tells itself."""
        chosen = self._of_profiles(self.deployments)
        return chosen.semi_join(self._named, "task") if self.scope.solutions else chosen

    @cached_property
    def tasks(self) -> ibis.Table:
        """What is done to what: task, solution, operation."""
        return self.stored("tasks")

    @cached_property
    def profiles(self) -> ibis.Table:
        """What a report's metrics say: profile, os, os_version, version, metrics."""
        return self.stored("profiles")

    @cached_property
    def points(self) -> ibis.Table:
        """Places in an install's life: point, version, os, month (its first day), and

        - number_bin: of the visit's number: 1, 2, 3–5, 6–10, 11–20, 21–50, 51+
        - gap_bin: of its gap: none, 1, 2–3, 4–7, 8–14, 15–30, 31+

        Bins are named by the least number in them, none by 0.
        """
        return self.stored("points")

    @cached_property
    def exposures(self) -> ibis.Table:
        """Install, day and fingerprint of every error, each once."""
        return self.errors.select("install", "day", "fingerprint").distinct()

    def filtered(self, visits: ibis.Table) -> ibis.Table:
        """The visits that the filters choose: by their profile, and by what they hold.

        A visit is of each solution that a report of its day names.
        """
        visits = self._of_profiles(visits)
        if not self.scope.solutions:
            return visits
        columns = ("install", "day")
        runs = self.deployments.semi_join(self._named, "task")
        errors = self.errors.filter(_.solution.isin(self.scope.solutions))
        return visits.semi_join(runs.select(*columns).union(errors.select(*columns)), columns)

    def filtered_reports(self, reports: ibis.Table) -> ibis.Table:
        """The reports that the filters choose, each by what it tells itself."""
        reports = self._of_profiles(reports)
        if self.scope.solutions:
            reports = reports.filter(_.solution.isin(self.scope.solutions))
        return reports

    @cached_property
    def _named(self) -> ibis.Table:
        """The tasks of the solutions chosen."""
        return self.tasks.filter(_.solution.isin(self.scope.solutions))

    def _of_profiles(self, table: ibis.Table) -> ibis.Table:
        """The rows whose version, OS and metrics are among those shown."""
        scope = self.scope
        if scope.versions:
            table = table.filter(table.version.fill_null(UNKNOWN).isin(scope.versions))
        if scope.systems:
            table = table.filter(table.os.fill_null(UNKNOWN).isin(scope.systems))
        if scope.metrics:
            told = [self.profiles.metrics.get(name).isin(values) for name, values in scope.metrics]
            table = table.semi_join(self.profiles.filter(*told), "profile")
        return table

    def in_period(self, table: ibis.Table, column: str, unit: Unit = "D") -> ibis.Table:
        """The rows whose day, week or month (its first day, in `column`) touches the period."""
        scope = self.scope
        if scope.since:
            table = table.filter(table[column] >= lit(start_of(scope.since, unit)))
        if scope.until:
            table = table.filter(table[column] <= lit(scope.until))
        return table

    def _lives(self, name: str) -> ibis.Table:
        """Visits or deployments, those by CI services only where they count."""
        without_ci = self.stored(name)
        if not self.scope.ci:
            return without_ci
        with_ci = self.stored(f"{name}_ci")
        installs = self.stored("visits_ci")
        return without_ci.anti_join(installs, ["app", "install"]).union(with_ci)

    def _by_people(self, reports: ibis.Table) -> ibis.Table:
        """The reports in the scope, those of CI services only where they count."""
        reports = self._in_scope(reports)
        return reports if self.scope.ci else reports.filter(~_.ci)

    def _in_scope(self, table: ibis.Table) -> ibis.Table:
        return table.filter(_.app == self.scope.app, _.day <= lit(self.scope.last_day))


def _weeks_between(first: ibis.Value, second: ibis.Value) -> ibis.Value:
    """Between two Mondays."""
    return second.delta(first, unit="day") // 7


def pseudonym(install: ibis.Value) -> ibis.StringValue:
    """The 32 hex digits that an install is known by, of the key it is stored under."""
    text: ibis.StringValue = install.cast("string").replace("-", "")
    return text
