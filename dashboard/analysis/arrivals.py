"""When reports arrived, and how far the database is read."""

from __future__ import annotations

from dataclasses import replace

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.calendar import days, filled
from dashboard.analysis.history import History
from dashboard.analysis.losses import LATE_MS


def arrivals(history: History) -> ibis.Table:
    """day, reports, errors, late, ci: reports by the day (UTC) on which they were received.

    `late` ones were received more than a day after they happened. Those of CI services are among
    all of these. The period chooses days; filters choose nothing.
    """
    everything = _whole(history)
    arrived = everything.reports.mutate(day=_.received.as_timestamp("ms").date())
    counted = history.in_period(arrived, "day").group_by("day")
    counted = counted.agg(
        reports=_.count(),
        errors=(_.kind == "error").sum(),
        late=(_.received - _.time > LATE_MS).sum(),
        ci=_.ci.sum(),
    )
    return history.in_period(filled(counted, days(everything)), "day").order_by("day")


def last_received(history: History) -> ibis.Table:
    """reports, received: how many of the app there are, and when the last one arrived (UTC)."""
    reports = _whole(history).reports
    counted = reports.agg(reports=_.count(), received=_.received.max())
    return counted.mutate(received=_.received.as_timestamp("ms"))


def shards(history: History) -> ibis.Table:
    """shard, days, last_day, read_until: how far each database is read, for all apps.

    - shard: its place in the setting, from 0; days: with reports; last_day: of these
    - read_until: reports received before that moment (UTC) were read; null where none was
    """
    read = history.stored("cursors").group_by("shard")
    read = read.agg(days=_.count(), last_day=_.day.max(), since=_.since.max())
    until = read.since.nullif(lit(0)).as_timestamp("ms")
    return read.mutate(read_until=until).drop("since").order_by("shard")


def _whole(history: History) -> History:
    return History(replace(history.scope, ci=True), history.stored)
