"""Who left after an error."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.history import History
from dashboard.analysis.pseudonyms import digits


def left_after_error(history: History) -> ibis.Table:
    """install, first_seen, last_seen, silent_days, visits, fingerprint, type, version, os,
    sentry_event: installs that left at a last visit with an error.

    `silent_days` run to the as-of day; `fingerprint`, `type` and `sentry_event` are those of its
    last error. Ordered by `last_seen`, latest first.
    """
    met = history.shown_exposures.filter(_.next_gap.isnull(), _.left)
    latest = ibis.window(group_by="install", order_by=[ibis.desc("time"), ibis.desc("id")])
    last = met.mutate(place=ibis.row_number().over(latest)).filter(_.place == 0)
    last = last.inner_join(history.installs, "install")
    return last.select(
        install=digits(last.pseudonym),
        first_seen=last.first_day,
        last_seen=last.day,
        silent_days=lit(history.scope.as_of).delta(last.day, unit="day"),
        visits=last.number,
        fingerprint=last.fingerprint,
        type=last.error_type,
        version=last.version,
        os=last.os,
        sentry_event=last.sentry_event,
    ).order_by(ibis.desc("last_seen"), "install")
