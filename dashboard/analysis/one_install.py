"""One install: found by its pseudonym, and everything it reported."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.history import History
from dashboard.analysis.pseudonyms import digits

MOST_FOUND = 200
"""Installs that a search lists, those seen last."""

MOST_REPORTS = 5_000
"""Reports of an install that are shown, the last ones."""


def found_installs(history: History, prefix: str) -> ibis.Table:
    """install, first_seen, last_seen, silent_days, visits, version, os: whose pseudonym begins so,
    those seen last first. Period and filters choose nothing, and runs by CI services count.

    Args:
        prefix: up to 32 lower-case hex digits.
    """
    # Compared as they are stored, so that none has to be made text.
    least, most = (lit(UUID(hex=prefix.ljust(32, digit))) for digit in "0f")
    named = history.installs.filter(_.pseudonym.between(least, most))
    last = _whole(history).visits.filter(_.next_gap.isnull())
    visits = last.inner_join(named, "install")
    silent = ibis.greatest(lit(history.scope.as_of).delta(visits.day, unit="day"), 0)
    found = visits.select(
        install=digits(visits.pseudonym),
        first_seen=visits.first_day,
        last_seen=visits.day,
        silent_days=silent,
        visits=visits.number,
        version=visits.version,
        os=visits.os,
    )
    return found.order_by(ibis.desc("last_seen"), "install").limit(MOST_FOUND)


def timeline(history: History, install: str) -> ibis.Table:
    """at (UTC), kind, operation, solution, outcome, duration_ms, type, where, fingerprint,
    sentry_event, version, os, ci: each report of the install, the last one first.

    Period and filters choose nothing, and runs by CI services are among them.

    Args:
        install: 32 lower-case hex digits.
    """
    reports = history.reports.semi_join(_called(history, install), "install")
    reports = reports.order_by(ibis.desc("time"), ibis.desc("id")).limit(MOST_REPORTS)
    profiles = history.profiles.select("profile", "version", "os")
    reports = reports.inner_join(profiles, "profile").inner_join(history.calls, "call")
    reports = reports.left_join(history.failures, "failure")
    columns = ("kind", "operation", "solution", "outcome", "duration_ms")
    told = reports.select(
        *columns[1:],
        "fingerprint",
        "sentry_event",
        "version",
        "os",
        "ci",
        "time",
        "id",
        kind=ibis.ifelse(reports.failure.isnull(), "run", "error"),
        at=reports.time.as_timestamp("ms"),
        type=reports.error_type,
        where=reports.error_where,
    ).order_by(ibis.desc("time"), ibis.desc("id"))
    about = ("type", "where", "fingerprint", "sentry_event", "version", "os", "ci")
    return told.select("at", *columns, *about)


def silences(history: History, install: str) -> ibis.Table:
    """since, until, days, returned: the pauses of the install that were longer than the horizon.

    `since` is the day of the visit before; `until` that of the visit after, or the as-of day
    where there is none (`returned` is then false).
    """
    left = _whole(history).visits.filter(_.left)
    visits = left.semi_join(_called(history, install), "install")
    until = visits.next_day.fill_null(lit(history.scope.as_of))
    return visits.select(
        since=visits.day,
        until=until,
        days=until.delta(visits.day, unit="day"),
        returned=visits.next_day.notnull(),
    ).order_by("since")


def _called(history: History, install: str) -> ibis.Table:
    """The install, by its pseudonym."""
    return history.installs.filter(_.pseudonym == lit(UUID(hex=install)))


def _whole(history: History) -> History:
    """With what CI services ran, as an install is looked at for all that it did."""
    return History(replace(history.scope, ci=True), history.stored)
