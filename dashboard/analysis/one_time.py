"""Who came once and never again."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History


def one_time(history: History) -> ibis.Table:
    """cohort, installs, one_time, too_early, share: by the month of the first visit.

    `too_early` have one visit that is censored; they stand in no share. A version or OS filter
    chooses first visits.
    """
    first = history.filtered(history.visits).filter(_.number == 1)
    first = first.mutate(month=_.day.truncate("M"), once=_.next_gap.isnull())
    counted = history.in_period(first, "month", "M").group_by("month")
    frame = counted.agg(
        installs=_.count(),
        one_time=(_.once & ~_.censored).sum(),
        too_early=(_.once & _.censored).sum(),
    ).order_by("month")
    return frame.select(
        "installs",
        "one_time",
        "too_early",
        cohort=_.month.strftime("%Y-%m"),
        share=_.one_time / (_.installs - _.too_early).nullif(0),
    ).relocate("cohort")
