"""The few numbers a maintainer looks at first, for one period."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.history import History

ACTIVE_DAYS = 30


def headline(history: History) -> ibis.Table:
    """One row about the period shown, which must end:

    - new_installs: whose first visit lies in it
    - judged: of these, those that had the whole horizon to come back; one_time: of those judged,
      came once
    - active: installs with a visit in the `ACTIVE_DAYS` days that end with the period
    - visits: in it; clean_visits: of these, without an error
    """
    if history.scope.until is None:
        raise ValueError("a headline is about a period that ends: set Scope.until")
    cells = history.in_period(history.cells, "day")
    of_period = cells.agg(
        new_installs=_.visits.sum(where=_.is_new),
        judged=_.visits.sum(where=_.is_new & _.judged),
        one_time=_["last"].sum(where=_.is_new & _.judged),
        visits=_.visits.sum(),
        clean_visits=_.clean.sum(),
    )
    frame = of_period.cross_join(_active(history, history.scope.until))
    return frame.mutate(**{name: frame[name].fill_null(0) for name in frame.columns})


def _active(history: History, until: date) -> ibis.Table:
    """active: installs with a visit in the days that end with that day."""
    begin, end = lit(until - timedelta(days=ACTIVE_DAYS - 1)), lit(until)
    if history.scope.filtered:
        visits = history.filtered_visits.filter(_.day.between(begin, end))
        return visits.agg(active=_.install.nunique())
    pauses = history.pauses.filter(_.day.between(begin, end))
    last = pauses.next_gap.isnull() | (pauses.next_gap > end.delta(pauses.day, unit="day"))
    return pauses.filter(last).agg(active=_.visits.sum())
