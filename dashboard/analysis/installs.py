"""How many came, and how many use the tool."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.calendar import days, filled
from dashboard.analysis.history import History

SPANS = (1, 7, 30)
"""Days that an install counts as active for."""


def new_installs(history: History) -> ibis.Table:
    """day, installs: whose first visit was on that day."""
    first = history.filtered(history.visits).filter(_.number == 1)
    counted = first.group_by("day").agg(installs=_.count())
    return history.in_period(filled(counted, days(history)), "day")


def active_installs(history: History) -> ibis.Table:
    """day, active_1, active_7, active_30: with a visit in the days that end with that day."""
    visits = history.filtered(history.visits)
    following = ibis.window(group_by="install", order_by="day")
    visits = visits.select("day", after=_.day.lead().over(following))
    frame = days(history)
    for span in SPANS:
        frame = frame.left_join(_balance(visits, span), "day").drop("day_right")
    running = ibis.cumulative_window(order_by="day")
    active = {f"active_{span}": frame[f"change_{span}"].sum().over(running) for span in SPANS}
    counts = {name: ibis.coalesce(count, 0) for name, count in active.items()}
    return history.in_period(frame.select("day", **counts), "day").order_by("day")


def _balance(visits: ibis.Table, span: int) -> ibis.Table:
    """Active installs gained less those lost on a day: day, change_<span>.

    A visit makes its install active for `span` days, or until its next visit takes over.
    """
    end = (visits.day + ibis.interval(days=span)).cast("date")
    gained = visits.select("day", change=ibis.literal(1))
    lost = visits.select(day=ibis.least(end, visits.after), change=ibis.literal(-1))
    changes = gained.union(lost).group_by("day")
    return changes.agg(_.change.sum().name(f"change_{span}"))
