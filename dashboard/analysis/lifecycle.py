"""Where the active installs of a week come from, and who of the week before is missing."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.calendar import filled, weeks
from dashboard.analysis.history import History


def lifecycle(history: History) -> ibis.Table:
    """week, new, returning, resurrected, dormant.

    A version or OS filter chooses the visits that count as activity.
    """
    visits = history.chosen_visits
    is_new = visits.week == visits.first_week
    came_first = visits.week_gap.fill_null(1) > 0  # that week
    returns = (visits.week_gap == 1).fill_null(False)
    counted = visits.group_by("week").agg(
        new=(came_first & is_new).sum(),
        returning=returns.sum(),
        resurrected=(came_first & ~is_new & ~returns).sum(),
        missing=(visits.next_week_gap.fill_null(2) > 1).sum(),  # in the week after
    )
    frame = filled(counted, weeks(history))
    before = ibis.window(order_by="week")
    frame = frame.mutate(dormant=_.missing.lag().over(before).fill_null(0)).drop("missing")
    return history.in_period(frame, "week", "W").order_by("week")
