"""The last time that each install met each error."""

from __future__ import annotations

import ibis
from ibis import _


def last_met(exposures: ibis.Table) -> ibis.Table:
    """Of the exposures, each install's last one to each error."""
    # An order within each group would cost three times as much as this.
    latest = exposures.group_by("fingerprint", "install").agg(day=_.day.max())
    last: ibis.Table = exposures.semi_join(latest, ["fingerprint", "install", "day"])
    return last
