"""Who came once and never again."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import UNKNOWN, History
from dashboard.analysis.proportion import with_interval


def one_time(history: History) -> ibis.Table:
    """cohort, installs, one_time, too_early, share: by the month of the first visit.

    `too_early` have one visit that is censored; they stand in no share. A filter chooses first
    visits.
    """
    share = _.one_time / (_.installs - _.too_early).nullif(0)
    frame = _by_month(history).mutate(share=share).order_by("cohort")
    return frame.select("cohort", "installs", "one_time", "too_early", "share")


def one_time_shares(history: History) -> ibis.Table:
    """value, judged, one_time, share, low, high: by the month of the first visit."""
    months = _by_month(history).filter(_.judged > 0)
    months = months.rename(value="cohort").select("value", "judged", "one_time")
    return _judged(months).order_by("value")


def one_time_by_version(history: History) -> ibis.Table:
    """value, judged, one_time, share, low, high: by the version of the first visit."""
    return _by(history, "version")


def one_time_by_system(history: History) -> ibis.Table:
    """value, judged, one_time, share, low, high: by the OS family of the first visit."""
    return _by(history, "os")


def one_time_by_operation(history: History) -> ibis.Table:
    """value, judged, one_time, share, low, high: by the first operation reported on the day of
    the first visit."""
    first = history.shown_visits.filter(_.number == 1, ~_.censored)
    first = first.select("install", "day", "next_gap")
    told = history.reports.filter(_.operation.notnull())
    told = told.select("install", "day", "time", "id", "operation")
    named = first.inner_join(told, ["install", "day"]).group_by("install", "next_gap")
    named = named.agg(value=_.operation.first(order_by=["time", "id"]))
    counted = named.group_by("value").agg(judged=_.count(), one_time=_.next_gap.isnull().sum())
    return _judged(counted).order_by(ibis.desc("judged"), "value")


def _by(history: History, column: str) -> ibis.Table:
    first = history.shown_visits.filter(_.number == 1, ~_.censored)
    counted = first.group_by(value=_[column].fill_null(UNKNOWN))
    frame = _judged(counted.agg(judged=_.count(), one_time=_.next_gap.isnull().sum()))
    return frame.order_by(ibis.desc("judged"), "value")


def _by_month(history: History) -> ibis.Table:
    """cohort, installs, judged, one_time, too_early: by the month of the first visit."""
    first = history.filtered(history.visits).filter(_.number == 1)
    once = first.next_gap.isnull()
    by_day = first.group_by("day").agg(  # so that few days are made months
        installs=first.count(),
        judged=(~first.censored).sum(),
        one_time=(once & ~first.censored).sum(),
        too_early=(once & first.censored).sum(),
    )
    by_day = history.in_period(by_day.mutate(month=_.day.truncate("M")), "month", "M")
    counts = ("installs", "judged", "one_time", "too_early")
    return by_day.group_by(cohort=_.month.strftime("%Y-%m")).agg(
        **{name: by_day[name].sum().cast("int64") for name in counts}
    )


def _judged(counted: ibis.Table) -> ibis.Table:
    """Add the share of the installs judged that came once, with its interval.

    Judged are those that had a whole horizon to come back in.

    In the table `one_time`, the youngest cohort's share is too low: those who already came back
    are in its base, and those who have yet to are not. Here both wait for the horizon.
    """
    return with_interval(counted.mutate(share=_.one_time / _.judged), "one_time", "judged")
