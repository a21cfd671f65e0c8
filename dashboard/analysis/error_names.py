"""What an error is called."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History


def error_names(history: History, fingerprint: str | None = None) -> ibis.Table:
    """fingerprint, type, where: of every error ever met, or of the one named, as last reported."""
    met = history.exposures
    if fingerprint is not None:
        met = met.filter(_.fingerprint == fingerprint)
    last = {"order_by": ["time", "id"]}
    return met.group_by("fingerprint").agg(
        type=_.error_type.last(**last), where=_.error_where.last(**last)
    )
