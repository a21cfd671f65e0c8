"""What an error is called."""

from __future__ import annotations

import ibis
from ibis import _


def error_names(met: ibis.Table) -> ibis.Table:
    """fingerprint, type, where: of the errors of some exposed visits, as last reported in these."""
    last = {"order_by": ["time", "id"]}
    return met.group_by("fingerprint").agg(
        type=_.error_type.last(**last), where=_.error_where.last(**last)
    )
