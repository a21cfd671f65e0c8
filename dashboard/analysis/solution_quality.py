"""How well a solution's operations work, and how long they take."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History
from dashboard.analysis.solutions import deployments


def solution_quality(history: History) -> ibis.Table:
    """solution, operation, attempts, succeeded, installs, share, timed, median_ms, p90_ms.

    `share` of the attempts in the period succeeded; the durations, in ms, are those of the
    `timed` attempts that succeeded and tell one: median and 90th percentile, interpolated
    linearly between two values. What failed or was called off says nothing of how long it takes.
    """
    runs = history.in_period(deployments(history), "day")
    ok = (runs.outcome == "ok").fill_null(False)
    runs = runs.mutate(ok=ok, duration=ibis.ifelse(ok, runs.duration_ms, ibis.null("int64")))
    counted = runs.group_by("solution", "operation").agg(
        attempts=_.count(),
        succeeded=_.ok.sum(),
        installs=_.install.nunique(),
        share=_.ok.mean(),
        timed=_.duration.count(),
        median_ms=_.duration.quantile(0.5),
        p90_ms=_.duration.quantile(0.9),
    )
    return counted.order_by("solution", "operation")
