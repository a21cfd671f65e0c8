"""Which apps have reported, and since when."""

from __future__ import annotations

from collections.abc import Callable

import ibis
from ibis import _


def apps(stored: Callable[[str], ibis.Table]) -> ibis.Table:
    """app, installs, first_day, last_day: every app of the warehouse, most installs first.

    Args:
        stored: returns a table of the warehouse by its name.
    """
    ends = [
        # First and last visits tell all, and are few.
        stored(name).filter((_.number == 1) | _.next_day.isnull()).select("app", "install", "day")
        for name in ("visits", "visits_ci")
    ]
    found = (
        ibis.union(*ends)
        .group_by("app")
        .agg(installs=_.install.nunique(), first_day=_.day.min(), last_day=_.day.max())
    )
    return found.order_by(ibis.desc("installs"), "app")
