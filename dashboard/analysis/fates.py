"""What became of those who met an error."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.engines import kept
from dashboard.analysis.error_names import error_names
from dashboard.analysis.history import History
from dashboard.analysis.last_met import last_met

FATES = ("stayed", "upgraded", "left", "too_early")


def error_fates(history: History, fingerprint: str | None = None) -> ibis.Table:
    """fingerprint, type, where, installs, stayed, upgraded, left, too_early: of every error, or of
    the one named.

    Each install that met the error in the period counts once, by what followed its last visit
    in it with the error: it left there; or its horizon is not over; or it came again within the
    horizon, and told another version at the end of that than with the error (upgraded), or not
    (stayed). Most installs first.
    """
    met = kept(_last_met(history.met(fingerprint)), "last_met")
    met = met.left_join(_later_versions(history, met), ["install", "day"])
    last = met.later_version.fill_null(met.version_of_visit)
    upgraded = (met.version != last).fill_null(False)
    stays = ~met.left & ~met.censored
    counted = met.group_by("fingerprint").agg(
        installs=_.count(),
        stayed=(stays & ~upgraded).sum(),
        upgraded=(stays & upgraded).sum(),
        left=met.left.sum(),
        too_early=met.censored.sum(),
    )
    frame = error_names(history.met(fingerprint)).inner_join(counted, "fingerprint")
    frame = frame.select("fingerprint", "type", "where", "installs", *FATES)
    return frame.order_by(ibis.desc("installs"), "fingerprint")


def _last_met(exposures: ibis.Table) -> ibis.Table:
    """fingerprint, install, day, version, version_of_visit, left, censored: the last visit with it.

    The version is that of the day's last such error: who updates on that day did so after it.
    """
    return last_met(exposures).select(
        *("fingerprint", "install", "day", "left", "censored"),
        version="error_version",
        version_of_visit="version",
    )


def _later_versions(history: History, met: ibis.Table) -> ibis.Table:
    """install, day, later_version: of who stayed, the last one of the visits in the horizon that
    came on another version than the visit before told."""
    stayed = met.filter(~_.left, ~_.censored).select("install", "day")
    # Others tell what the one before them does: these are few.
    visits = history.visits.filter(_.moved, _.number > 1, _.version.notnull())
    visits = visits.select("install", later_day="day", later_version="version")
    pause = visits.later_day.delta(stayed.day, unit="day")
    within = stayed.inner_join(
        visits,
        ["install", visits.later_day > stayed.day, pause <= history.scope.horizon],
    )
    told = within.group_by("install", "day")
    return told.agg(later_version=_.later_version.argmax(_.later_day))
