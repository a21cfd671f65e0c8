"""Who came back, of those who had left after an error."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.error_names import error_names
from dashboard.analysis.history import History
from dashboard.analysis.last_met import last_met
from dashboard.analysis.proportion import with_interval
from dashboard.schema import UNKNOWN


def won_back(history: History, fingerprint: str | None = None) -> ibis.Table:
    """fingerprint, type, where, left, returned, share, ci_low, ci_high: of every error, most that
    left first, or of the one named.

    `left` are the installs that left at a visit in the period with the error; `returned` are
    those of them with a visit after their last such leaving, thus later than the horizon.
    """
    left = _leavings(history.met(fingerprint)).group_by("fingerprint")
    counted = left.agg(left=_.count(), returned=_.next_day.notnull().sum())
    frame = error_names(history.met(fingerprint)).inner_join(counted, "fingerprint")
    frame = frame.mutate(share=_.returned / _.left)
    frame = with_interval(frame, "returned", "left").rename(ci_low="low", ci_high="high")
    return frame.order_by(ibis.desc("left"), "fingerprint")


def won_back_versions(history: History, fingerprint: str | None = None) -> ibis.Table:
    """fingerprint, version, installs: the `returned` by the version of the visit they came with."""
    left = _leavings(history.met(fingerprint)).filter(_.next_day.notnull())
    came_back = history.visits.filter(_.gap > history.scope.horizon)
    visits = came_back.select("install", next_day="day", version=_.version.fill_null(UNKNOWN))
    joined = left.inner_join(visits, ["install", "next_day"])
    counted = joined.group_by("fingerprint", "version").agg(installs=_.count())
    return counted.order_by("fingerprint", ibis.desc("installs"), "version")


def _leavings(exposures: ibis.Table) -> ibis.Table:
    """fingerprint, install, day, next_day: each install's last leaving of them."""
    left = exposures.filter(_.left).select("fingerprint", "install", "day", "next_day")
    return last_met(left)
