"""What is deployed with the tool, and how it ends."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.calendar import weeks
from dashboard.analysis.history import History

COUNTS = ("attempts", "succeeded", "installs")


def solution_deployments(history: History) -> ibis.Table:
    """week, solution, operation, attempts, succeeded, installs.

    An attempt is a run report that names a solution; it succeeded where its outcome is ok.
    """
    named = history.deployed.inner_join(history.tasks, "task")
    named = named.order_by("week", "solution", "operation")
    return named.select("week", "solution", "operation", *COUNTS)


def deployments_by_operation(history: History) -> ibis.Table:
    """solution, operation, attempts, succeeded, installs: over the period."""
    named = operations(history).inner_join(history.tasks, "task")
    return named.order_by("solution", "operation").select("solution", "operation", *COUNTS)


def operations(history: History) -> ibis.Table:
    """task, attempts, succeeded, installs: over the period."""
    return _of_period(history.deployed, "task", "period_installs")


def deployments_by_solution(history: History) -> ibis.Table:
    """solution, attempts, succeeded, installs: over the period, most attempts first."""
    counted = _of_period(_with_solution(history), "solution", "period_solution_installs")
    return counted.order_by(ibis.desc("attempts"), "solution")


def deployments_by_week(history: History) -> ibis.Table:
    """week, solution, attempts, succeeded, installs; a week without an attempt counts zero."""
    keys = ("week", "solution")
    counted = (
        _with_solution(history)
        .group_by(*keys)
        .agg(
            attempts=_.attempts.sum(),
            succeeded=_.succeeded.sum(),
            installs=_.solution_installs.sum(),
        )
    )
    every = history.in_period(weeks(history), "week", "W")
    every = every.cross_join(counted.select("solution").distinct())
    frame = every.left_join(counted, keys).drop("week_right", "solution_right")
    return frame.mutate(**{name: _[name].fill_null(0) for name in COUNTS}).order_by(*keys)


def _with_solution(history: History) -> ibis.Table:
    tasks = history.tasks.select("task", "solution")
    return history.deployed.inner_join(tasks, "task")


def _of_period(deployed: ibis.Table, key: str, installs: str) -> ibis.Table:
    """key, attempts, succeeded, installs: of the days in the period; what had none is left out."""
    counted = deployed.group_by(key).agg(
        attempts=_.period_attempts.sum(),
        succeeded=_.period_succeeded.sum(),
        installs=_[installs].sum(),
    )
    return counted.filter(_.attempts > 0)
