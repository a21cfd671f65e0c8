"""What became of those who met an error."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.error_names import error_names
from dashboard.analysis.history import History, kept

FATES = ("stayed", "upgraded", "left", "too_early")


def error_fates(history: History) -> ibis.Table:
    """fingerprint, type, where, installs, stayed, upgraded, left, too_early.

    Each install that met the error in the period counts once, by what followed its last visit
    in it with the error: it left there; or its horizon is not over; or it came again within the
    horizon, and told another version at the end of that than with the error (upgraded), or not
    (stayed). Most installs first.
    """
    met = kept(_last_met(history), "last_met")
    met = met.left_join(_later_versions(history, met), ["fingerprint", "install"])
    upgraded = (met.version != met.later_version).fill_null(False)
    stays = ~met.left & ~met.censored
    counted = met.group_by("fingerprint").agg(
        installs=_.count(),
        stayed=(stays & ~upgraded).sum(),
        upgraded=(stays & upgraded).sum(),
        left=met.left.sum(),
        too_early=met.censored.sum(),
    )
    frame = error_names(history).inner_join(counted, "fingerprint")
    frame = frame.select("fingerprint", "type", "where", "installs", *FATES)
    return frame.order_by(ibis.desc("installs"), "fingerprint")


def _last_met(history: History) -> ibis.Table:
    """fingerprint, install, day, version, left, censored: the last visit in the period with it.

    The version is that of the day's last such error: who updates on that day did so after it.
    """
    latest = ibis.window(group_by=["fingerprint", "install"], order_by=ibis.desc("day"))
    met = history.shown_exposures.select(
        *("fingerprint", "install", "day", "left", "censored"),
        version="error_version",
        place=ibis.row_number().over(latest),
    )
    return met.filter(_.place == 0).drop("place")


def _later_versions(history: History, met: ibis.Table) -> ibis.Table:
    """fingerprint, install, later_version: of who stayed, the last one told on that day or in the
    horizon."""
    stayed = met.filter(~_.left, ~_.censored).select("fingerprint", "install", "day")
    visits = history.visits.filter(_.version.notnull())
    visits = visits.select("install", later_day="day", later_version="version")
    pause = visits.later_day.delta(stayed.day, unit="day")
    within = stayed.inner_join(
        visits,
        ["install", visits.later_day >= stayed.day, pause <= history.scope.horizon],
    )
    told = within.group_by("fingerprint", "install")
    return told.agg(later_version=_.later_version.argmax(_.later_day))
