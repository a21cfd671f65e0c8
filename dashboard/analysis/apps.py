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
    first = visits.filter(_.number == 1)
    only_ci = with_ci.filter(_.number == 1).anti_join(first, ["app", "install"])
    rows = ibis.union(
        visits.select("app", "day", new=_.number == 1),
        with_ci.select("app", "day", new=lit(False)),
        only_ci.select("app", "day", new=lit(True)),
    )
    found = rows.group_by("app").agg(
        installs=_.new.sum(), first_day=_.day.min(), last_day=_.day.max()
    )
    return found.order_by(ibis.desc("installs"), "app")
