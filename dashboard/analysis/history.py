"""What analyses ask of an app: its records, those that are shown, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.engines import kept, named
from dashboard.analysis.selection import Selection
from dashboard.schema import HORIZON, UNKNOWN

_EARLIEST = date(1970, 1, 1)
"""No report is of a day before."""

_CELL = ("day", "is_new", "version", "os", "visits", "clean", "last", "clean_last")
"""Columns of `History.cells`, but for what the scope decides."""


@dataclass(frozen=True)
class History(Selection):
    """The lives of an app's installs, chosen and counted, from what the warehouse counts if it can.

    Args:
        whole: the history that this is another period of, if it is: what no period chooses is
            worked out there, once for all periods.
    """

    whole: History | None = None

    def within(self, since: date | None, until: date | None) -> History:
        """The same history, another period of it shown."""
        scope = replace(self.scope, since=since, until=until)
        return replace(self, scope=scope, whole=self.whole or self)

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
            return self._placed(self.filtered_visits)
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
            return self._cells(self.counts("cells"))
        return self._placed(self.visits)

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

    def _placed(self, visits: ibis.Table) -> ibis.Table:
        """The `cells` of some visits."""
        once, clean = _.next_day.isnull(), _.errors == 0
        counted = visits.group_by("day", "point").agg(
            visits=_.count(), clean=clean.sum(), last=once.sum(), clean_last=(once & clean).sum()
        )
        points = self.points.select(
            "point",
            is_new=_.number_bin == 1,
            version=_.version.fill_null(UNKNOWN),
            os=_.os.fill_null(UNKNOWN),
        )
        return self._cells(kept(counted, "counted").inner_join(points, "point"))

    def _cells(self, counted: ibis.Table) -> ibis.Table:
        """`cells`, of what has all of their columns but `judged`."""
        judged = counted.day <= lit(self.scope.last_judged)
        return named(counted.select(*_CELL, judged=judged), "cells")

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


def _active(visits: ibis.Table, *by: str) -> ibis.Table:
    """What the warehouse's table of activity holds, of these visits."""
    before, after = (ibis.least(gap, 2).fill_null(2) for gap in (_.week_gap, _.next_week_gap))
    return visits.group_by(*by, before=before, after=after).agg(visits=_.count())
