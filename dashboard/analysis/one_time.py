"""Who came once and never again."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import UNKNOWN, History
from dashboard.analysis.proportion import with_interval


def one_time(history: History) -> ibis.Table:
    """cohort, installs, one_time, too_early, share: by the month of the first visit.

    `too_early` have one visit that is censored; they stand in no share. A version or OS filter
    chooses first visits.
    """
    first = history.filtered(history.visits).filter(_.number == 1)
    first = first.mutate(month=_.day.truncate("M"), once=_.next_gap.isnull())
    counted = history.in_period(first, "month", "M").group_by("month")
    frame = counted.agg(
        installs=_.count(),
        one_time=(_.once & ~_.censored).sum(),
        too_early=(_.once & _.censored).sum(),
    ).order_by("month")
    return frame.select(
        "installs",
        "one_time",
        "too_early",
        cohort=_.month.strftime("%Y-%m"),
        share=_.one_time / (_.installs - _.too_early).nullif(0),
    ).relocate("cohort")


def one_time_shares(history: History) -> ibis.Table:
    """value, judged, one_time, share, low, high: by the month of the first visit."""
    first = history.filtered(history.visits).filter(_.number == 1)
    first = first.mutate(month=_.day.truncate("M"))
    first = history.in_period(first, "month", "M")
    return _judged(first.mutate(value=_.month.strftime("%Y-%m"))).order_by("value")


def one_time_by_version(history: History) -> ibis.Table:
    """value, judged, one_time, share, low, high: by the version of the first visit."""
    return _by(history, "version")


def one_time_by_system(history: History) -> ibis.Table:
    """value, judged, one_time, share, low, high: by the OS family of the first visit."""
    return _by(history, "os")


def _by(history: History, column: str) -> ibis.Table:
    first = history.shown_visits.filter(_.number == 1)
    frame = _judged(first.mutate(value=_[column].fill_null(UNKNOWN)))
    return frame.order_by(ibis.desc("judged"), "value")


def _judged(first: ibis.Table) -> ibis.Table:
    """Of the installs that had a whole horizon to come back in, those that came once.

    In the table `one_time`, the youngest cohort's share is too low: those who already came back
    are in its base, and those who have yet to are not. Here both wait for the horizon.
    """
    counted = first.filter(~_.censored).group_by("value")
    frame = counted.agg(judged=_.count(), one_time=_.next_gap.isnull().sum())
    return with_interval(frame.mutate(share=_.one_time / _.judged), "one_time", "judged")
