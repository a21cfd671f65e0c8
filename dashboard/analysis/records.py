"""The life of every install: its visits, their number, the gaps between them, what came after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.engines import named
from dashboard.analysis.scope import Scope, Unit, start_of

_AHEAD = ("next_day", "next_gap", "next_week_gap")
_AS_STORED = (
    *("install", "day", "week", "number", "gap", "week_gap", "first_day", "first_week"),
    *("os", "version", "profile", "moved", "point", "bundle", "call"),
    *("reports", "errors", "runs", "failed_runs", "dropped", "late", "by_ci"),
)
_OF_ERRORS = (
    *("fingerprint", "times", "time", "id"),
    *("error_type", "error_where", "error_version", "sentry_event"),
)


@dataclass(frozen=True)
class Records:
    """An app's reports, visits and deployments within a scope, whatever is shown of them.

    Args:
        stored: returns a table of the warehouse by its name, see `dashboard.schema`.
    """

    scope: Scope
    stored: Callable[[str], ibis.Table]

    @cached_property
    def reports(self) -> ibis.Table:
        """All reports in the scope, those by CI services among them, whatever is shown."""
        return self._in_scope(self.stored("reports"))

    @cached_property
    def visits(self) -> ibis.Table:
        """Every visit: install (a number, see `installs`), day, week (its Monday), os, version, and

        - number: 1 for the install's first visit
        - gap: days since the visit before; null for the first
        - next_day, next_gap: the day of the visit after, and days to it; null for the last
        - week_gap, next_week_gap: the same in weeks, 0 where both lie in one week
        - first_day, first_week: of the install's first visit
        - censored: its horizon is not over, so leaving can't be told
        - left: not censored, and no visit in the horizon after it
        - profile: the number of its row in `profiles`, which holds os_version and metrics
        - moved: there is no visit before, or it was of another version
        - point: the number of its row in `points`, its place in the install's life
        - bundle: the number of its row in `bundles`, the solutions that it names; null for none
        - call: the number of its row in `calls`, with the first operation reported; null for none
        - reports, errors, runs, failed_runs, dropped, late, by_ci: counts of the day's reports:
          all, those of errors, runs, runs with the outcome ``error``, lost before as clients say,
          received more than a day after, from CI services
        """
        return named(self._judged(self._lives("visits"), _AS_STORED), "visits")

    @cached_property
    def exposures(self) -> ibis.Table:
        """A visit for each error that it met, as `visits`, and

        - fingerprint; times: the day's reports of it
        - time, id, error_type, error_where, error_version (of the package), sentry_event: of the
          last of these
        """
        exposures = self._judged(self._lives("exposures"), (*_AS_STORED, *_OF_ERRORS))
        return named(exposures, "exposures")

    @cached_property
    def deployments(self) -> ibis.Table:
        """Run reports with a solution: install, time, day, week, task (the number of its row in
        `tasks`), succeeded, duration_ms, profile, and of all the install's ones:

        - gap, week_gap: days and weeks since the last one of the same task; null for the first
        - solution_gap, solution_week_gap: since the last one of the same solution
        """
        return named(self._in_scope(self._lives("deployments")), "deployments")

    @cached_property
    def installs(self) -> ibis.Table:
        """Who stands behind a number: install, pseudonym, and the lot that this draws."""
        return self.stored("installs").drop("app")

    @cached_property
    def tasks(self) -> ibis.Table:
        """What is done to what: task, solution, operation."""
        return self.stored("tasks")

    @cached_property
    def profiles(self) -> ibis.Table:
        """What a report's metrics say: profile, os, os_version, version, metrics."""
        return self.stored("profiles")

    @cached_property
    def calls(self) -> ibis.Table:
        """What a report is of: call, operation, solution, outcome."""
        return self.stored("calls")

    @cached_property
    def failures(self) -> ibis.Table:
        """What an error report tells of the error: failure, fingerprint, error_type,
        error_where."""
        return self.stored("failures")

    @cached_property
    def points(self) -> ibis.Table:
        """Places in an install's life: point, version, os, month (its first day), and

        - number_bin: of the visit's number: 1, 2, 3–5, 6–10, 11–20, 21–50, 51+
        - gap_bin: of its gap: none, 1, 2–3, 4–7, 8–14, 15–30, 31+

        Bins are named by the least number in them, none by 0.
        """
        return self.stored("points")

    @cached_property
    def bundles(self) -> ibis.Table:
        """What visits name together: bundle, solutions."""
        return self.stored("bundles")

    def in_period(self, table: ibis.Table, column: str, unit: Unit = "D") -> ibis.Table:
        """The rows whose day, week or month (its first day, in `column`) touches the period."""
        scope = self.scope
        if scope.since:
            table = table.filter(table[column] >= lit(start_of(scope.since, unit)))
        if scope.ends_early:
            table = table.filter(table[column] <= lit(scope.until))
        return table

    @property
    def counted(self) -> bool:
        """Whether the visits and deployments that the warehouse counts are those of the scope."""
        return not (self.scope.ci or self.scope.ignores_later)

    def counts(self, name: str) -> ibis.Table:
        """What a table of `dashboard.counts`, or another one of all days, holds of the app."""
        return self.stored(name).filter(_.app == self.scope.app).drop("app")

    def _judged(self, visits: ibis.Table, columns: tuple[str, ...]) -> ibis.Table:
        """Columns of visits as they are stored, and what follows them as seen within the scope."""
        visits = self._in_scope(visits)
        ahead = {name: visits[name] for name in _AHEAD}
        if self.scope.ignores_later:
            # A visit that was not there yet on the day the scope ends is none.
            known = visits.next_day <= lit(self.scope.last_day)
            ahead = {n: ibis.ifelse(known, visits[n], ibis.null()) for n in _AHEAD}
        censored = visits.day > lit(self.scope.last_judged)
        # In words that DuckDB's scans understand: they leave out at once who stayed.
        silent = ahead["next_gap"].isnull() | (ahead["next_gap"] > self.scope.horizon)
        # All at once: each step more is work for Ibis.
        return visits.select(*columns, **ahead, censored=censored, left=~censored & silent)

    def _lives(self, name: str) -> ibis.Table:
        """Visits, exposures or deployments, those by CI services only where they count."""
        without_ci = self.stored(name)
        if not self.scope.ci:
            return without_ci
        return without_ci.filter(~_.in_ci).union(self.stored(f"{name}_ci"))

    def _in_scope(self, table: ibis.Table) -> ibis.Table:
        return table.filter(_.app == self.scope.app, _.day <= lit(self.scope.last_day))
