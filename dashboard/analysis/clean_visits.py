"""How many visits went without an error, over time."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History


def clean_visits(history: History) -> ibis.Table:
    """week, visits, clean_visits, share: of the visits in the period, by their week."""
    counted = history.shown_visits.group_by("week").agg(
        visits=_.count(), clean_visits=(_.errors == 0).sum()
    )
    return counted.mutate(share=_.clean_visits / _.visits).order_by("week")
