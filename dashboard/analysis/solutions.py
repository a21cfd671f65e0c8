"""What is deployed with the tool, and how it ends."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.calendar import weeks
from dashboard.analysis.history import History

COUNTS = ("attempts", "succeeded", "installs")


def solution_deployments(history: History) -> ibis.Table:
    """week, solution, operation, attempts, succeeded, installs.

    An attempt is a run report that names a solution; it succeeded where its outcome is ok.
    """
    runs = history.in_period(history.chosen_deployments, "week", "W")
    counted = _counted(history, runs, runs.week_gap.fill_null(1) > 0, "week", "task")
    named = counted.inner_join(history.tasks, "task").order_by("week", "solution", "operation")
    return named.select("week", "solution", "operation", *COUNTS)


def deployments_by_operation(history: History) -> ibis.Table:
    """solution, operation, attempts, succeeded, installs: over the period."""
    runs = history.in_period(history.chosen_deployments, "day")
    counted = _counted(history, runs, _first_in_period(history, runs.gap, runs.day), "task")
    named = counted.inner_join(history.tasks, "task").order_by("solution", "operation")
    return named.select("solution", "operation", *COUNTS)


def deployments_by_solution(history: History) -> ibis.Table:
    """solution, attempts, succeeded, installs: over the period, most attempts first."""
    runs = history.in_period(_with_solution(history), "day")
    first = _first_in_period(history, runs.solution_gap, runs.day)
    counted = _counted(history, runs, first, "solution")
    return counted.order_by(ibis.desc("attempts"), "solution")


def deployments_by_week(history: History) -> ibis.Table:
    """week, solution, attempts, succeeded, installs; a week without an attempt counts zero."""
    runs = history.in_period(_with_solution(history), "week", "W")
    keys = ("week", "solution")
    counted = _counted(history, runs, runs.solution_week_gap.fill_null(1) > 0, *keys)
    every = history.in_period(weeks(history), "week", "W")
    every = every.cross_join(counted.select("solution").distinct())
    frame = every.left_join(counted, keys).drop("week_right", "solution_right")
    return frame.mutate(**{name: _[name].fill_null(0) for name in COUNTS}).order_by(*keys)


def deployments(history: History) -> ibis.Table:
    """The run reports that name a solution, of any day."""
    return history.filtered_reports(history.reports).filter(_.kind == "run", _.solution.notnull())


def _with_solution(history: History) -> ibis.Table:
    tasks = history.tasks.select("task", "solution")
    return history.chosen_deployments.inner_join(tasks, "task")


def _first_in_period(
    history: History, gap: ibis.IntegerValue, day: ibis.DateValue
) -> ibis.BooleanValue:
    """Whether the install's one before lies before the period."""
    if history.scope.since is None:
        return gap.isnull()
    return gap.isnull() | (gap > day.delta(lit(history.scope.since), unit="day"))


def _counted(
    history: History, runs: ibis.Table, first: ibis.BooleanValue, *keys: str
) -> ibis.Table:
    """Attempts, those that succeeded, and installs: each with its `first` of those counted."""
    # That holds among all deployments; a filter may leave the first one out.
    installs = runs.install.nunique() if history.scope.filtered else first.sum()
    return runs.group_by(*keys).agg(
        attempts=_.count(), succeeded=_.succeeded.sum(), installs=installs
    )
