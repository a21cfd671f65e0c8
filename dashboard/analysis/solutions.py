"""What is deployed with the tool, and how it ends."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History


def solution_deployments(history: History) -> ibis.Table:
    """week, solution, operation, attempts, succeeded, installs.

    An attempt is a run report that names a solution; it succeeded where its outcome is ok.
    """
    runs = history.filtered(history.reports).filter(_.kind == "run", _.solution.notnull())
    runs = history.in_period(runs.mutate(week=_.day.truncate("W")), "week", "W")
    keys = ("week", "solution", "operation")
    counted = runs.group_by(*keys).agg(
        attempts=_.count(),
        succeeded=(_.outcome == "ok").fill_null(False).sum(),
        installs=_.install.nunique(),
    )
    return counted.order_by(*keys)
