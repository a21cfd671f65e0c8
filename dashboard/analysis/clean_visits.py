"""How many visits went without an error, over time."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History


def clean_visits(history: History) -> ibis.Table:
    """week, visits, clean_visits, share: of the visits in the period, by their week."""
    cells = history.in_period(history.cells, "day").mutate(week=_.day.truncate("W"))
    counted = cells.group_by("week").agg(visits=_.visits.sum(), clean_visits=_.clean.sum())
    return counted.mutate(share=_.clean_visits / _.visits).order_by("week")
