"""How many came, and how many use the tool."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.calendar import days, filled
from dashboard.analysis.history import History

SPANS = (1, 7, 30)
"""Days that an install counts as active for."""


def new_installs(history: History) -> ibis.Table:
    """day, installs: whose first visit was on that day."""
    counted = history.cells.filter(_.is_new).group_by("day").agg(installs=_.visits.sum())
    return history.in_period(filled(counted, days(history)), "day")


def active_installs(history: History) -> ibis.Table:
    """day, active_1, active_7, active_30: with a visit in the days that end with that day.

    A visit makes its install active for so many days, or until its next visit takes over.
    """
    pause = ibis.least(_.next_gap, max(SPANS)).fill_null(max(SPANS))
    visits = history.pauses.group_by("day", pause=pause).agg(visits=_.visits.sum())
    gained = visits.select("day", **{f"change_{span}": _.visits for span in SPANS})
    changes = ibis.union(gained, *[_lost(visits, span) for span in SPANS])
    changes = changes.group_by("day").agg(
        **{f"change_{span}": changes[f"change_{span}"].sum() for span in SPANS}
    )
    frame = filled(changes, days(history))
    running = ibis.cumulative_window(order_by="day")
    active = {f"active_{span}": frame[f"change_{span}"].sum().over(running) for span in SPANS}
    return history.in_period(frame.select("day", **active), "day").order_by("day")


def _lost(visits: ibis.Table, span: int) -> ibis.Table:
    """The visits by the day on which they no longer make their installs active, as a loss."""
    end = _.day + ibis.least(_.pause, span).as_interval("D")
    lost = {f"change_{one}": -_.visits if one == span else lit(0, "int64") for one in SPANS}
    return visits.select(day=end.cast("date"), **lost)
