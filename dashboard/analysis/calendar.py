"""Days and weeks without gaps, so that a day on which nothing happened counts as zero."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.history import History


def days(history: History) -> ibis.Table:
    """Every day from the first visit's to the last one shown: day."""
    visits = history.counts("cells") if history.counted else history.visits
    return _days_since(visits.agg(first=_.day.min()), history)


def weeks(history: History) -> ibis.Table:
    """The Monday of every week from the first visit's to the last one shown: week."""
    if history.scope.ci and not history.scope.ignores_later:
        every = _days_since(history.counts("losses").agg(first=_.week.min()), history)
    else:
        every = days(history)
    return every.select(week=_.day.truncate("W")).distinct()


def _days_since(span: ibis.Table, history: History) -> ibis.Table:
    """Every day from `first`, of a table's one row."""
    after = lit(history.scope.last_day).cast("timestamp") + ibis.interval(days=1)
    every = ibis.range(span.first.cast("timestamp"), after, step=ibis.interval(days=1))
    return span.select(day=every.unnest().cast("date"))


def filled(frame: ibis.Table, calendar: ibis.Table) -> ibis.Table:
    """Add the calendar's missing rows to a table of counts, as zeros, and sort it."""
    (key,) = calendar.columns
    joined = calendar.left_join(frame, key)
    counts = {name: joined[name].fill_null(0) for name in frame.columns if name != key}
    return joined.select(key, **counts).order_by(key)
