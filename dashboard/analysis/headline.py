"""The few numbers a maintainer looks at first, for one period."""

from __future__ import annotations

from datetime import timedelta

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
    kinds = history.shown_visits.group_by(  # few, so that what follows is small
        "censored", new=_.number == 1, once=_.next_gap.isnull(), clean=_.errors == 0
    ).agg(visits=_.count())
    until = lit(history.scope.until)
    begin = lit(history.scope.until - timedelta(days=ACTIVE_DAYS - 1))
    recent = history.filtered(history.visits).filter(_.day.between(begin, until))
    of_period = kinds.agg(
        new_installs=kinds.visits.sum(where=_.new),
        judged=kinds.visits.sum(where=_.new & ~_.censored),
        one_time=kinds.visits.sum(where=_.new & _.once & ~_.censored),
        visits=kinds.visits.sum(),
        clean_visits=kinds.visits.sum(where=_.clean),
    )
    frame = of_period.cross_join(recent.agg(active=_.install.nunique()))
    return frame.mutate(**{name: frame[name].fill_null(0) for name in frame.columns})
