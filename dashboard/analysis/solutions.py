"""What is deployed with the tool, and how it ends."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit
from ibis.expr.types.groupby import GroupedTable

from dashboard.analysis.calendar import weeks
from dashboard.analysis.history import History

COUNTS = ("attempts", "succeeded", "installs")


def solution_deployments(history: History) -> ibis.Table:
    """week, solution, operation, attempts, succeeded, installs.

    An attempt is a run report that names a solution; it succeeded where its outcome is ok.
    """
    runs = history.in_period(history.chosen_deployments, "week", "W")
    first = runs.week_gap.fill_null(1) > 0  # of the install, in that week
    counted = _counted(runs.group_by("week", "task"), first)
    named = counted.inner_join(history.tasks, "task").order_by("week", "solution", "operation")
    return named.select("week", "solution", "operation", *COUNTS)


def deployments_by_operation(history: History) -> ibis.Table:
    """solution, operation, attempts, succeeded, installs: over the period."""
    runs = history.in_period(history.chosen_deployments, "day")
    counted = _counted(runs.group_by("task"), _first_in_period(history, runs, "gap"))
    named = counted.inner_join(history.tasks, "task").order_by("solution", "operation")
    return named.select("solution", "operation", *COUNTS)


def deployments_by_solution(history: History) -> ibis.Table:
    """solution, attempts, succeeded, installs: over the period, most attempts first."""
    runs = history.in_period(history.chosen_deployments, "day")
    first = _first_in_period(history, runs, "solution_gap")
    counted = _by_solution(history, _counted(runs.group_by("task"), first))
    return counted.order_by(ibis.desc("attempts"), "solution")


def deployments_by_week(history: History) -> ibis.Table:
    """week, solution, attempts, succeeded, installs; a week without an attempt counts zero."""
    runs = history.in_period(history.chosen_deployments, "week", "W")
    first = runs.solution_week_gap.fill_null(1) > 0
    counted = _by_solution(history, _counted(runs.group_by("week", "task"), first), "week")
    every = history.in_period(weeks(history), "week", "W")
    every = every.cross_join(counted.select("solution").distinct())
    keys = ("week", "solution")
    frame = every.left_join(counted, keys).drop("week_right", "solution_right")
    return frame.mutate(**{name: _[name].fill_null(0) for name in COUNTS}).order_by(*keys)


def deployments(history: History) -> ibis.Table:
    """The run reports that name a solution, of any day."""
    return history.filtered(history.reports).filter(_.kind == "run", _.solution.notnull())


def _first_in_period(history: History, runs: ibis.Table, gap: str) -> ibis.BooleanValue:
    """Whether the one before lies before the period."""
    if history.scope.since is None:
        return runs[gap].isnull()
    into_period = runs.day.delta(lit(history.scope.since), unit="day")
    return runs[gap].isnull() | (runs[gap] > into_period)


def _counted(runs: GroupedTable, first: ibis.BooleanValue) -> ibis.Table:
    """Attempts, those that succeeded, and installs, each counted with its first."""
    return runs.agg(attempts=_.count(), succeeded=_.succeeded.sum(), installs=first.sum())


def _by_solution(history: History, counted: ibis.Table, *keys: str) -> ibis.Table:
    """Sums over a solution's operations."""
    named = counted.inner_join(history.tasks, "task").group_by(*keys, "solution")
    return named.agg(**{name: _[name].sum().cast("int64") for name in COUNTS})
