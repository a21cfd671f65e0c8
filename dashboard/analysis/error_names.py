"""What an error is called."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History


def error_names(history: History) -> ibis.Table:
    """fingerprint, type, where: of every error ever met, as last reported."""
    last = {"order_by": ["time", "id"]}
    met = history.exposures.group_by("fingerprint")
    return met.agg(type=_.error_type.last(**last), where=_.error_where.last(**last))
