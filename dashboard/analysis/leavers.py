"""Who left after an error."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.history import History, pseudonym


def left_after_error(history: History) -> ibis.Table:
    """install, first_seen, last_seen, silent_days, visits, fingerprint, type, version, os,
    sentry_event: installs that left at a last visit with an error.

    `silent_days` run to the as-of day; `fingerprint`, `type` and `sentry_event` are those of its
    last error. Ordered by `last_seen`, latest first.
    """
    visits = history.shown_visits.filter(_.next_gap.isnull(), _.left, _.errors > 0)
    errors = history.errors.select(
        "install", "day", "time", "id", "fingerprint", "error_type", "sentry_event"
    )
    joined = visits.inner_join(errors, ["install", "day"])
    latest = ibis.window(group_by="install", order_by=[ibis.desc("time"), ibis.desc("id")])
    joined = joined.mutate(place=ibis.row_number().over(latest)).filter(_.place == 0)
    return joined.select(
        install=pseudonym(joined.install),
        first_seen=joined.first_day,
        last_seen=joined.day,
        silent_days=lit(history.scope.as_of).delta(joined.day, unit="day"),
        visits=joined.number,
        fingerprint=joined.fingerprint,
        type=joined.error_type,
        version=joined.version,
        os=joined.os,
        sentry_event=joined.sentry_event,
    ).order_by(ibis.desc("last_seen"), "install")
