"""Which apps have reported, and since when."""

from __future__ import annotations

import ibis
from ibis import _


def apps(visits: ibis.Table) -> ibis.Table:
    """app, installs, first_day, last_day: every app of the warehouse, most installs first."""
    found = visits.group_by("app").agg(
        installs=_.install.nunique(), first_day=_.day.min(), last_day=_.day.max()
    )
    return found.order_by(ibis.desc("installs"), "app")
