"""What there is to filter by."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import UNKNOWN, History


def versions(history: History) -> ibis.Table:
    """version: every one that an install of the app ever ran."""
    return history.visits.select(version=_.version.fill_null(UNKNOWN)).distinct()


def systems(history: History) -> ibis.Table:
    """os: every OS family that the app ever ran on."""
    return history.visits.select(os=_.os.fill_null(UNKNOWN)).distinct()
