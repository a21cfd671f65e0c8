"""When reports arrived, and how far the database is read."""

from __future__ import annotations

from datetime import UTC, datetime, time

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.calendar import filled
from dashboard.analysis.history import History
from dashboard.schema import LATE_MS


def arrivals(history: History) -> ibis.Table:
    """day, reports, errors, late, ci: reports by the day (UTC) on which they were received.

    `late` ones were received more than a day after they happened. Those of CI services are among
    all of these. Filters choose nothing; the period chooses days, and where it reaches to the last
    day shown, what was received later belongs to it: history is imported long after it happened.
    """
    counted = history.in_period(_by_day(history), "day")
    return filled(counted, _days_between(counted))


def _by_day(history: History) -> ibis.Table:
    """The counts of all reports by day, of the days with any."""
    if not history.scope.ignores_later:
        return history.counts("arrivals")
    reports = history.reports.group_by(day=_.received.as_timestamp("ms").date())
    return reports.agg(
        reports=_.count(),
        errors=_.failure.notnull().sum(),
        late=(_.received - _.time > LATE_MS).sum(),
        ci=_.ci.sum(),
    )


def _days_between(counted: ibis.Table) -> ibis.Table:
    """Every day from the first to the last of these: day."""
    span = counted.agg(first=_.day.min(), last=_.day.max())
    after = span.last.cast("timestamp") + ibis.interval(days=1)
    every = ibis.range(span.first.cast("timestamp"), after, step=ibis.interval(days=1))
    return span.select(day=every.unnest().cast("date"))


def last_received(history: History) -> ibis.Table:
    """reports, received: how many of the app there are, and when the last one arrived (UTC)."""
    counted = _by_day(history)
    last_day = counted.day.max().to_pyarrow().as_py() or history.scope.last_day
    # Reports lie as they arrived: those of days before are not looked at.
    midnight = datetime.combine(last_day, time(), UTC)
    last = history.reports.filter(_.received >= int(midnight.timestamp() * 1000))
    last = last.agg(received=_.received.max().as_timestamp("ms"))
    return counted.agg(reports=_.reports.sum().fill_null(0)).cross_join(last)


def shards(history: History) -> ibis.Table:
    """shard, days, last_day, read_until: how far each database is read, for all apps.

    - shard: its place in the setting, from 0; days: with reports; last_day: of these
    - read_until: reports received before that moment (UTC) were read; null where none was
    """
    read = history.stored("cursors").group_by("shard")
    read = read.agg(days=_.count(), last_day=_.day.max(), since=_.since.max())
    until = read.since.nullif(lit(0)).as_timestamp("ms")
    return read.mutate(read_until=until).drop("since").order_by("shard")
