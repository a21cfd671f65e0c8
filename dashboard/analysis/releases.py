"""When each version was first seen."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History
from dashboard.schema import UNKNOWN

WORTH = 0.05
"""Of the visits in the period; what fewer ran than this is no release that matters."""


def releases(history: History) -> ibis.Table:
    """version, day: the first day on which anybody ran it, of the versions with `WORTH` of the
    visits in the period; earliest first. A filter chooses neither."""
    cells = history.every_cell.filter(_.version != UNKNOWN)
    counted = history.in_period(cells, "day").group_by("version").agg(n=_.visits.sum())
    counted = counted.mutate(part=_.n / _.n.sum().over(ibis.window()))
    first = cells.group_by("version").agg(day=_.day.min())
    worth = first.semi_join(counted.filter(_.part >= WORTH), "version")
    return worth.select("version", "day").order_by("day", "version")
