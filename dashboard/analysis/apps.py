"""Which apps have reported, and since when."""

from __future__ import annotations

from collections.abc import Callable

import ibis
from ibis import _
from ibis import literal as lit


def apps(stored: Callable[[str], ibis.Table]) -> ibis.Table:
    """app, installs, first_day, last_day: every app of the warehouse, most installs first.

    Args:
        stored: returns a table of the warehouse by its name.
    """
    visits, with_ci = stored("visits"), stored("visits_ci")
    first = visits.filter(_.in_ci, _.number == 1)
    only_ci = with_ci.filter(_.number == 1).anti_join(first, "install")
    rows = ibis.union(
        stored("cells").select("app", "day", new=ibis.ifelse(_.is_new, _.visits, 0)),
        with_ci.select("app", "day", new=lit(0, "int64")),
        only_ci.select("app", "day", new=lit(1, "int64")),
    )
    found = rows.group_by("app").agg(
        installs=_.new.sum(), first_day=_.day.min(), last_day=_.day.max()
    )
    return found.order_by(ibis.desc("installs"), "app")
