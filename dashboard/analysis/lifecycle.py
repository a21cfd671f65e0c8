"""Where the active installs of a week come from, and who of the week before is missing."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.calendar import filled, weeks
from dashboard.analysis.history import History


def lifecycle(history: History) -> ibis.Table:
    """week, new, returning, resurrected, dormant.

    A filter chooses the visits that count as activity.
    """
    counted = history.activity.group_by("week").agg(
        new=_.visits.sum(where=_.is_new & (_.before > 0)),
        returning=_.visits.sum(where=_.before == 1),
        resurrected=_.visits.sum(where=~_.is_new & (_.before == 2)),
        missing=_.visits.sum(where=_.after == 2),  # in the week after
    )
    frame = filled(counted, weeks(history))
    before = ibis.window(order_by="week")
    frame = frame.mutate(dormant=_.missing.lag().over(before).fill_null(0)).drop("missing")
    return history.in_period(frame, "week", "W").order_by("week")
