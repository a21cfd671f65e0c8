"""One error: when it was met, on which versions, and by whom."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.calendar import filled, weeks
from dashboard.analysis.history import History
from dashboard.analysis.pseudonyms import digits
from dashboard.schema import UNKNOWN

MOST_AFFECTED = 5_000
"""Installs that are listed, those that met it last: nobody reads more."""


def met_by_week(history: History, fingerprint: str) -> ibis.Table:
    """week, installs, reports: who met the error in each week that the period touches, and how
    often; the whole week counts."""
    met = history.filtered_exposures.filter(_.fingerprint == fingerprint)
    met = history.in_period(met, "week", "W")
    counted = met.group_by("week").agg(installs=_.install.nunique(), reports=_.times.sum())
    return history.in_period(filled(counted, weeks(history)), "week", "W").order_by("week")


def met_on_versions(history: History, fingerprint: str) -> ibis.Table:
    """version, installs, active, share, first_met, last_met; the version met last comes first.

    - installs: with a visit on the version, in the period, at which they met the error
    - active: with a visit on the version in the period; share: of these, those that met it
    - first_met, last_met: days in the period
    """
    hit = history.met(fingerprint).group_by(version=_.version.fill_null(UNKNOWN))
    hit = hit.agg(installs=_.install.nunique(), first_met=_.day.min(), last_met=_.day.max())
    active = _on_versions(history).group_by("version").agg(active=_.count())
    frame = hit.inner_join(active, "version")
    frame = frame.mutate(share=_.installs / _.active)
    columns = ("version", "installs", "active", "share", "first_met", "last_met")
    return frame.select(*columns).order_by(ibis.desc("last_met"), ibis.desc("first_met"), "version")


def affected_installs(history: History, fingerprint: str) -> ibis.Table:
    """install, times, first_met, last_met, last_seen, silent_days, visits, version, os,
    sentry_event: the installs that met the error in the period, those that met it last first.

    - times: reports of it in the period; sentry_event: of the last one
    - last_seen, visits, version, os: of the install's whole life; silent_days run to the as-of day
    """
    last = {"order_by": ["time", "id"]}
    met = history.met(fingerprint).group_by("install")
    met = met.agg(
        times=_.times.sum(),
        first_met=_.day.min(),
        last_met=_.day.max(),
        sentry_event=_.sentry_event.last(**last),
    )
    met = met.inner_join(history.installs, "install")
    met = met.order_by(ibis.desc("last_met"), "pseudonym").limit(MOST_AFFECTED)
    ends = history.visits.filter(_.next_gap.isnull())
    ends = ends.select("install", "day", "number", "profile")
    # None ended before it met the error last: of visits ordered by day, few are looked at.
    frame = met.inner_join(ends, ["install", ends.day >= met.last_met])
    frame = frame.inner_join(history.profiles.select("profile", "version", "os"), "profile")
    silent = ibis.greatest(lit(history.scope.as_of).delta(frame.day, unit="day"), 0)
    return frame.select(
        install=digits(frame.pseudonym),
        times=frame.times,
        first_met=frame.first_met,
        last_met=frame.last_met,
        last_seen=frame.day,
        silent_days=silent,
        visits=frame.number,
        version=frame.version,
        os=frame.os,
        sentry_event=frame.sentry_event,
    ).order_by(ibis.desc("last_met"), "install")


def _on_versions(history: History) -> ibis.Table:
    """install, version: each once, of the visits shown."""
    visits, scope = history.shown_visits, history.scope
    if not (scope.systems or scope.solutions or scope.metrics):
        if history.counted and not scope.since:
            adoptions = history.in_period(history.counts("adoptions"), "day")
            return adoptions.select("install", "version")
        # Others say again what these say.
        said = visits.moved
        if scope.since:
            said |= visits.gap > visits.day.delta(lit(scope.since), unit="day")
        visits = visits.filter(said)
    return visits.select("install", version=_.version.fill_null(UNKNOWN)).distinct()
