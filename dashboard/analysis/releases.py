"""When each version was first seen."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History

WORTH = 0.05
"""Of the visits in the period; what fewer ran than this is no release that matters."""


def releases(history: History) -> ibis.Table:
    """version, day: the first day on which anybody ran it, of the versions with `WORTH` of the
    visits in the period; earliest first. A filter chooses neither."""
    visits = history.visits.filter(_.version.notnull())
    counted = history.in_period(visits, "day").group_by("version").agg(n=_.count())
    counted = counted.mutate(part=_.n / _.n.sum().over(ibis.window()))
    first = visits.group_by("version").agg(day=_.day.min())
    worth = first.semi_join(counted.filter(_.part >= WORTH), "version")
    return worth.select("version", "day").order_by("day", "version")
