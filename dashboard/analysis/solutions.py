"""What is deployed with the tool, and how it ends."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.calendar import weeks
from dashboard.analysis.history import History


def solution_deployments(history: History) -> ibis.Table:
    """week, solution, operation, attempts, succeeded, installs.

    An attempt is a run report that names a solution; it succeeded where its outcome is ok.
    """
    runs = deployments(history).mutate(week=_.day.truncate("W"))
    return _counted(history.in_period(runs, "week", "W"), "week", "solution", "operation")


def deployments_by_operation(history: History) -> ibis.Table:
    """solution, operation, attempts, succeeded, installs: over the period."""
    return _counted(history.in_period(deployments(history), "day"), "solution", "operation")


def deployments_by_solution(history: History) -> ibis.Table:
    """solution, attempts, succeeded, installs: over the period, most attempts first."""
    counted = _counted(history.in_period(deployments(history), "day"), "solution")
    return counted.order_by(ibis.desc("attempts"), "solution")


def deployments_by_week(history: History) -> ibis.Table:
    """week, solution, attempts, succeeded, installs; a week without an attempt counts zero."""
    runs = history.in_period(deployments(history).mutate(week=_.day.truncate("W")), "week", "W")
    every = history.in_period(weeks(history), "week", "W")
    every = every.cross_join(runs.select("solution").distinct())
    keys = ("week", "solution")
    frame = every.left_join(_counted(runs, *keys), keys).drop("week_right", "solution_right")
    zeros = {name: _[name].fill_null(0) for name in ("attempts", "succeeded", "installs")}
    return frame.mutate(**zeros).order_by(*keys)


def deployments(history: History) -> ibis.Table:
    """The run reports that name a solution, of any day."""
    return history.filtered(history.reports).filter(_.kind == "run", _.solution.notnull())


def _counted(runs: ibis.Table, *keys: str) -> ibis.Table:
    counted = runs.group_by(*keys).agg(
        attempts=_.count(),
        succeeded=(_.outcome == "ok").fill_null(False).sum(),
        installs=_.install.nunique(),
    )
    return counted.order_by(*keys)
