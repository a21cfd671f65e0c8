"""How well a solution's operations work, and how long they take."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History
from dashboard.analysis.solutions import COUNTS, operations


def solution_quality(history: History) -> ibis.Table:
    """solution, operation, attempts, succeeded, installs, share, timed, median_ms, p90_ms.

    `share` of the attempts in the period succeeded; the durations, in ms, are those of the
    `timed` attempts that succeeded and tell one: median and 90th percentile, interpolated
    linearly between two values. What failed or was called off says nothing of how long it takes.
    """
    ended = history.in_period(history.filtered_deployments, "day").filter(_.succeeded)
    times = ended.group_by("task").agg(
        timed=_.duration_ms.count(),
        spread=_.duration_ms.quantile([0.5, 0.9]),  # at once, as they are selected but once
    )
    counted = operations(history).left_join(times, "task").drop("task_right")
    named = counted.inner_join(history.tasks, "task")
    return named.select(
        "solution",
        "operation",
        *COUNTS,
        share=_.succeeded / _.attempts,
        timed=_.timed.fill_null(0),
        median_ms=_.spread[0],
        p90_ms=_.spread[1],
    ).order_by("solution", "operation")
