"""Who came once and never again."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History
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
    first = history.shown_visits.filter(_.number == 1, ~_.censored).group_by("call")
    first = first.agg(judged=_.count(), one_time=_.next_gap.isnull().sum())
    counted = first.inner_join(history.calls, "call").group_by(value=_.operation)
    counted = counted.agg(judged=_.judged.sum(), one_time=_.one_time.sum())
    return _judged(counted).order_by(ibis.desc("judged"), "value")


def _by(history: History, column: str) -> ibis.Table:
    first = history.in_period(history.cells, "day").filter(_.is_new, _.judged)
    counted = first.group_by(value=_[column])
    frame = _judged(counted.agg(judged=_.visits.sum(), one_time=_["last"].sum()))
    return frame.order_by(ibis.desc("judged"), "value")


def _by_month(history: History) -> ibis.Table:
    """cohort, installs, judged, one_time, too_early: by the month of the first visit."""
    first = history.cells.filter(_.is_new).mutate(month=_.day.truncate("M"))
    first = history.in_period(first, "month", "M")
    return first.group_by(cohort=_.month.strftime("%Y-%m")).agg(
        installs=_.visits.sum(),
        judged=_.visits.sum(where=_.judged).fill_null(0),
        one_time=_["last"].sum(where=_.judged).fill_null(0),
        too_early=_["last"].sum(where=~_.judged).fill_null(0),
    )


def _judged(counted: ibis.Table) -> ibis.Table:
    """Add the share of the installs judged that came once, with its interval.

    Judged are those that had a whole horizon to come back in.

    In the table `one_time`, the youngest cohort's share is too low: those who already came back
    are in its base, and those who have yet to are not. Here both wait for the horizon.
    """
    return with_interval(counted.mutate(share=_.one_time / _.judged), "one_time", "judged")
