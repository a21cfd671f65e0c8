"""How much of the month's users a day sees."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History
from dashboard.analysis.installs import active_installs


def stickiness(history: History) -> ibis.Table:
    """day, active_1, active_30, share: active 1 over active 30; null while that is 0."""
    active = active_installs(history)
    return active.select(
        "day", "active_1", "active_30", share=_.active_1 / _.active_30.nullif(0)
    ).order_by("day")
