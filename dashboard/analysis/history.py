"""The life of every install: its visits, their number, the gaps between them, what came after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import ibis
from ibis import _
from ibis import literal as lit
from ibis.util import gen_name

from dashboard.analysis.gaps import between_deployments, between_visits
from dashboard.analysis.scope import Scope, Unit, start_of
from dashboard.schema import HORIZON, UNKNOWN

LOOK_BACK = timedelta(days=50)
"""How far before a period lie the visits that tell who is active in it, or was the week before."""


_EARLIEST = date(1970, 1, 1)
"""No report is of a day before."""

_AHEAD = ("next_day", "next_gap", "next_week_gap")
_AS_STORED = (
    *("install", "day", "week", "number", "gap", "week_gap", "first_day", "first_week"),
    *("os", "version", "profile", "moved", "point", "bundle", "operation"),
    *("reports", "errors", "runs", "failed_runs", "dropped", "late", "by_ci"),
)
_CHOSEN = ("install", "day", "week", "week_gap", *_AHEAD, "version", "profile")
_CHOSEN_RUNS = (
    *("install", "day", "week", "task", "succeeded"),
    *("gap", "week_gap", "solution_gap", "solution_week_gap"),
)
_OF_ERRORS = (
    *("fingerprint", "times", "time", "id"),
    *("error_type", "error_where", "error_version", "sentry_event"),
)


@dataclass(frozen=True)
class History:
    """An app's reports and visits within a scope.

    Args:
        stored: returns a table of the warehouse by its name, see `dashboard.schema`.
        whole: the history that this is another period of, if it is: what no period chooses is
            worked out there, once for all periods.
    """

    scope: Scope
    stored: Callable[[str], ibis.Table]
    whole: History | None = None

    def within(self, since: date | None, until: date | None) -> History:
        """The same history, another period of it shown."""
        scope = replace(self.scope, since=since, until=until)
        return replace(self, scope=scope, whole=self.whole or self)

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
        - operation: the first one reported
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
    def chosen_visits(self) -> ibis.Table:
        """The visits that the filters choose: install, day, week, is_new (in the week of the
        install's first visit), week_gap, next_day, next_gap, next_week_gap, version, profile.

        The gaps are those between them. What lies more than `LOOK_BACK` before the period is left
        out, and gaps back to it are null as if there were none.
        """
        visits = self.filtered_visits
        if self.scope.since:
            visits = visits.filter(_.day >= lit(self.scope.since - LOOK_BACK))
        chosen = visits.select(*_CHOSEN, is_new=_.week == _.first_week)
        if self.scope.filtered and not self.scope.only_systems:
            return kept(between_visits(chosen, self.profiles), "chosen_visits")
        if self.scope.only_systems:
            # Most installs come on one OS alone: their gaps are as they stand.
            several = self._on_several_systems()
            mixed = between_visits(chosen.semi_join(several, "install"), self.profiles)
            chosen = chosen.anti_join(several, "install").union(mixed)
        return named(chosen, "chosen_visits")

    @cached_property
    def pauses(self) -> ibis.Table:
        """`chosen_visits` counted: day, next_gap, visits."""
        if self.counted and not self.scope.filtered:
            return self.counts("pauses")
        pauses = self.chosen_visits.group_by("day", "next_gap").agg(visits=_.count())
        return kept(pauses, "pauses")

    @cached_property
    def activity(self) -> ibis.Table:
        """`chosen_visits` counted: week, is_new, version, before, after, visits.

        `before` and `after` say whether the visit before, or after, lies in the same week (0), in
        the one beside it (1), or further off, if there is one (2).
        """
        if not self.scope.filtered:
            return self.lives.mutate(is_new=_.week == _.first_week)
        activity = _active(self.chosen_visits, "week", "is_new", "version")
        return kept(activity, "activity")

    @cached_property
    def lives(self) -> ibis.Table:
        """All visits counted as `activity`, and by the week of the install's first one:
        first_week."""
        if self.counted:
            return self.counts("activity")
        return _active(self.visits, "week", "first_week", "version")

    @cached_property
    def last_profiles(self) -> ibis.Table:
        """`profiles`, with the `installs` whose last chosen visit in the period has them."""
        shown = self.in_period(self.chosen_visits, "day")
        beyond = shown.next_day > lit(self.scope.until or self.scope.last_day)
        counted = shown.filter(beyond.fill_null(True)).group_by("profile").agg(installs=_.count())
        return self.profiles.inner_join(kept(counted, "last_profiles"), "profile")

    @cached_property
    def filtered_visits(self) -> ibis.Table:
        """The visits that the filters choose; the gaps are those of the whole life."""
        return named(self._filtered(self.visits), "filtered_visits")

    @cached_property
    def filtered_exposures(self) -> ibis.Table:
        """The exposures that the filters choose."""
        return named(self._filtered(self.exposures), "filtered_exposures")

    @cached_property
    def shown_visits(self) -> ibis.Table:
        """The visits that period and filters choose; the gaps are those of the whole life."""
        return named(self.in_period(self.filtered_visits, "day"), "shown_visits")

    @cached_property
    def shown_exposures(self) -> ibis.Table:
        """The exposures that period and filters choose."""
        return named(self.in_period(self.filtered_exposures, "day"), "shown_exposures")

    def met(self, fingerprint: str | None = None) -> ibis.Table:
        """`shown_exposures`; where an error is named, to that one alone."""
        if fingerprint is None:
            return self.shown_exposures
        return self.shown_exposures.filter(_.fingerprint == fingerprint)

    @cached_property
    def cells(self) -> ibis.Table:
        """The visits that the filters choose, counted by day and place in the install's life:
        day, is_new (first visits), version, os, judged (not censored), and

        - visits; clean: of these, without an error
        - last, clean_last: of these, those that no visit follows
        """
        if self.whole:
            return self.whole.cells
        scope = self.scope
        if scope.solutions or scope.metrics:
            return self._placed(kept(_counted(self.filtered_visits), "counted"))
        cells = self.every_cell
        if scope.versions:
            cells = cells.filter(_.version.isin(scope.versions))
        if scope.systems:
            cells = cells.filter(_.os.isin(scope.systems))
        return named(cells, "cells")

    @cached_property
    def every_cell(self) -> ibis.Table:
        """The `cells` of all visits, whatever the filters choose."""
        if self.whole:
            return self.whole.every_cell
        if self.counted:
            return self._placed(self.counts("cells"))
        return self._placed(kept(_counted(self.visits), "counted"))

    @cached_property
    def judged(self) -> ibis.Table:
        """All visits that are not censored, counted by their point: point, visits, leavers."""
        if self.counted and self.scope.horizon == HORIZON:
            cells = self.counts("cells").filter(_.day <= lit(self.scope.last_judged))
            left = _.visits - _.returned
            return cells.group_by("point").agg(visits=_.visits.sum(), leavers=left.sum())
        visits = self.visits.filter(~_.censored)
        return visits.group_by("point").agg(visits=_.count(), leavers=_.left.sum())

    @cached_property
    def told(self) -> ibis.Table:
        """All visits, counted by their profile: profile, visits."""
        if self.counted:
            return self.counts("told")
        return self.visits.group_by("profile").agg(visits=_.count())

    @cached_property
    def bundled(self) -> ibis.Table:
        """All visits, counted by their bundle: bundle, visits."""
        if self.counted:
            return self.counts("bundled")
        return self.visits.group_by("bundle").agg(visits=_.count())

    def _placed(self, cells: ibis.Table) -> ibis.Table:
        """Cells with what their points say."""
        points = self.points.select(
            "point",
            is_new=_.number_bin == 1,
            version=_.version.fill_null(UNKNOWN),
            os=_.os.fill_null(UNKNOWN),
        )
        judged = cells.day <= lit(self.scope.last_judged)
        counts = ("visits", "clean", "last", "clean_last")
        joined = cells.select("day", "point", *counts, judged=judged).inner_join(points, "point")
        return named(joined.drop("point"), "cells")

    @cached_property
    def deployments(self) -> ibis.Table:
        """Run reports with a solution: install, time, day, week, task (the number of its row in
        `tasks`), succeeded, duration_ms, os, version, profile, and of all the install's ones:

        - gap, week_gap: days and weeks since the last one of the same task; null for the first
        - solution_gap, solution_week_gap: since the last one of the same solution
        """
        return named(self._in_scope(self._lives("deployments")), "deployments")

    @cached_property
    def filtered_deployments(self) -> ibis.Table:
        """Of `deployments`, those that the filters choose, each by what it tells itself."""
        chosen = self._of_profiles(self.deployments)
        chosen = chosen.semi_join(self._named, "task") if self.scope.solutions else chosen
        return named(chosen, "filtered_deployments")

    @cached_property
    def chosen_deployments(self) -> ibis.Table:
        """The same, of the weeks that the period touches: install, day, week, task, succeeded and
        the gaps, which are those between them.

        Gaps back to before these weeks may be null, as if there were none.
        """
        chosen = self.in_period(self.filtered_deployments, "week", "W").select(*_CHOSEN_RUNS)
        if not self.scope.filtered or self.scope.only_solutions:
            return chosen
        if not self.scope.only_systems:
            return between_deployments(chosen, self.tasks)
        several = self._on_several_systems()
        mixed = between_deployments(chosen.semi_join(several, "install"), self.tasks)
        return chosen.anti_join(several, "install").union(mixed)

    @cached_property
    def deployed(self) -> ibis.Table:
        """`chosen_deployments` counted: week, task, and

        - attempts, succeeded; installs, solution_installs: with an attempt at the task, or at its
          solution, each with the first one of these in the week
        - the same with period_ before it: of the days in the period, each install with its first
          attempt in the period
        """
        scope = self.scope
        if self.counted and not scope.since and (scope.only_solutions or not scope.filtered):
            return kept(self._deployed_of_all_time(), "deployed")
        runs = self.chosen_deployments
        since, until = self.scope.since or _EARLIEST, self.scope.until or self.scope.last_day
        inside = runs.day.between(lit(since), lit(until))

        def first(gap: ibis.IntegerValue) -> ibis.BooleanValue:
            """Whether the install's one before lies before the period."""
            return inside & (gap.isnull() | (gap > runs.day.delta(lit(since), unit="day")))

        counted = runs.group_by("week", "task").agg(
            attempts=_.count(),
            succeeded=_.succeeded.sum(),
            installs=(_.week_gap.fill_null(1) > 0).sum(),
            solution_installs=(_.solution_week_gap.fill_null(1) > 0).sum(),
            period_attempts=inside.sum(),
            period_succeeded=(inside & runs.succeeded).sum(),
            period_installs=first(runs.gap).sum(),
            period_solution_installs=first(runs.solution_gap).sum(),
        )
        return kept(counted, "deployed")

    @cached_property
    def installs(self) -> ibis.Table:
        """Who stands behind a number: install, pseudonym, and the lot that this draws."""
        return self.stored("installs").drop("app")

    def _deployed_of_all_time(self) -> ibis.Table:
        """`deployed`, from the attempts that the warehouse counts."""
        attempts = self.counts("attempts").mutate(week=_.day.truncate("W"))
        attempts = self.in_period(attempts, "week", "W")
        if self.scope.solutions:
            attempts = attempts.semi_join(self._named, "task")
        inside = attempts.day <= lit(self.scope.until or self.scope.last_day)
        return attempts.group_by("week", "task").agg(
            attempts=_.attempts.sum(),
            succeeded=_.succeeded.sum(),
            installs=_.week_installs.sum(),
            solution_installs=_.week_solution_installs.sum(),
            period_attempts=_.attempts.sum(where=inside).fill_null(0),
            period_succeeded=_.succeeded.sum(where=inside).fill_null(0),
            period_installs=_.installs.sum(where=inside).fill_null(0),
            period_solution_installs=_.solution_installs.sum(where=inside).fill_null(0),
        )

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
    def bundles(self) -> ibis.Table:
        """What visits name together: bundle, solutions."""
        return self.stored("bundles")

    def _filtered(self, visits: ibis.Table) -> ibis.Table:
        """The visits (or exposures) that the filters choose: by their profile, and by what they
        hold.

        A visit is of each solution that a report of its day names.
        """
        visits = self._of_profiles(visits)
        if not self.scope.solutions:
            return visits
        named = self.bundles.select("bundle", solution=_.solutions.unnest())
        return visits.semi_join(named.filter(_.solution.isin(self.scope.solutions)), "bundle")

    def _on_several_systems(self) -> ibis.Table:
        return self.stored("several_os")

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
        if scope.until and scope.until < scope.last_day:
            table = table.filter(table[column] <= lit(scope.until))
        return table

    def _judged(self, visits: ibis.Table, columns: tuple[str, ...]) -> ibis.Table:
        """Columns of visits as they are stored, and what follows them as seen within the scope."""
        visits = self._in_scope(visits)
        ahead = {name: visits[name] for name in _AHEAD}
        if self.scope.ignores_later:
            # A visit that was not there yet on the day the scope ends is none.
            known = visits.next_day <= lit(self.scope.last_day)
            ahead = {n: ibis.ifelse(known, visits[n], ibis.null()) for n in _AHEAD}
        stayed = (ahead["next_gap"] <= self.scope.horizon).fill_null(False)
        censored = visits.day > lit(self.scope.last_judged)
        # All at once: each step more is work for Ibis.
        return visits.select(*columns, **ahead, censored=censored, left=~censored & ~stayed)

    @property
    def counted(self) -> bool:
        """Whether the visits and deployments that the warehouse counts are those of the scope."""
        return not (self.scope.ci or self.scope.ignores_later)

    def counts(self, name: str) -> ibis.Table:
        """What a table of `dashboard.counts`, or another one of all days, holds of the app."""
        return self.stored(name).filter(_.app == self.scope.app).drop("app")

    def _lives(self, name: str) -> ibis.Table:
        """Visits, exposures or deployments, those by CI services only where they count."""
        without_ci = self.stored(name)
        if not self.scope.ci:
            return without_ci
        return without_ci.filter(~_.in_ci).union(self.stored(f"{name}_ci"))

    def _in_scope(self, table: ibis.Table) -> ibis.Table:
        return table.filter(_.app == self.scope.app, _.day <= lit(self.scope.last_day))


def named(table: ibis.Table, name: str) -> ibis.Table:
    """Give a table a name, so that what starts from it is short, whatever the filters say.

    That spares time where the engine knows how, see `dashboard.engine`; others do without.
    """
    engine = table.get_backend()
    view: ibis.Table = engine.view(table, name) if hasattr(engine, "view") else table
    return view


def kept(table: ibis.Table, name: str) -> ibis.Table:
    """Work a table out once, for all who ask; it stays as long as the connection."""
    engine = table.get_backend()
    if hasattr(engine, "keep"):
        temporary: ibis.Table = engine.keep(table, name)
        return temporary
    return engine.create_table(gen_name(name), table, temp=True)


def _counted(visits: ibis.Table) -> ibis.Table:
    """What the warehouse's table of cells holds, of these visits."""
    once, clean = _.next_day.isnull(), _.errors == 0
    return visits.group_by("day", "point").agg(
        visits=_.count(), clean=clean.sum(), last=once.sum(), clean_last=(once & clean).sum()
    )


def _active(visits: ibis.Table, *by: str) -> ibis.Table:
    """What the warehouse's table of activity holds, of these visits."""
    before, after = (ibis.least(gap, 2).fill_null(2) for gap in (_.week_gap, _.next_week_gap))
    return visits.group_by(*by, before=before, after=after).agg(visits=_.count())


def digits(pseudonym: ibis.Value) -> ibis.StringValue:
    """The 32 hex digits of a pseudonym, as people know it."""
    text: ibis.StringValue = pseudonym.cast("string").replace("-", "")
    return text
