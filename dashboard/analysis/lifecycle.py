"""Where the active installs of a week come from, and who of the week before is missing."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.calendar import filled, weeks
from dashboard.analysis.history import History

WEEK = ibis.interval(days=7)


def lifecycle(history: History) -> ibis.Table:
    """week, new, returning, resurrected, dormant.

    A version or OS filter chooses the visits that count as activity.
    """
    visits = history.filtered(history.visits)
    active = visits.select(
        "install", week=_.day.truncate("W"), first_week=_.first_day.truncate("W")
    ).distinct()
    life = ibis.window(group_by="install", order_by="week")
    active = active.mutate(
        came_back=(_.week.lag().over(life) == _.week - WEEK).fill_null(False),
        goes_on=(_.week.lead().over(life) == _.week + WEEK).fill_null(False),
    )
    present = active.group_by("week").agg(
        new=(_.week == _.first_week).sum(),
        returning=_.came_back.sum(),
        resurrected=((_.week != _.first_week) & ~_.came_back).sum(),
    )
    missing = active.filter(~_.goes_on).group_by(week=(_.week + WEEK).cast("date"))
    frame = filled(present, weeks(history))
    frame = frame.left_join(missing.agg(dormant=_.count()), "week").drop("week_right")
    frame = frame.mutate(dormant=_.dormant.fill_null(0))
    return history.in_period(frame, "week", "W").order_by("week")
