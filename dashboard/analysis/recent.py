"""What the last days brought: versions that spread, solutions that fail more, errors nobody knew.

Each compares the `DAYS` days that end with the as-of day to days before them, whatever period is
shown; filters choose as everywhere.
"""

from __future__ import annotations

from datetime import timedelta

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.error_names import error_names
from dashboard.analysis.history import History
from dashboard.schema import UNKNOWN

DAYS = 7
BEFORE = 28
"""Days that a solution's success is held against, so that few attempts say little."""


def version_shifts(history: History) -> ibis.Table:
    """version, installs, share, before, share_before: of the installs active in these days, and
    of those active in as many days before, by the last version that each ran in them."""
    last = history.scope.as_of
    now = _versions(history.within(last - timedelta(days=DAYS - 1), last))
    then = last - timedelta(days=DAYS)
    before = _versions(history.within(then - timedelta(days=DAYS - 1), then))
    both = now.outer_join(before, "version")
    counted = both.select(
        version=ibis.coalesce(both.version, both.version_right),
        installs=both.installs.fill_null(0),
        before=both.installs_right.fill_null(0),
    )
    every = ibis.window()
    shared = counted.mutate(
        share=_.installs / _.installs.sum().over(every).nullif(0),
        share_before=_.before / _.before.sum().over(every).nullif(0),
    )
    columns = ("version", "installs", "share", "before", "share_before")
    return shared.select(*columns).order_by(ibis.desc("installs"), "version")


def success_shifts(history: History) -> ibis.Table:
    """solution, attempts, succeeded, attempts_before, succeeded_before: these days, and the
    `BEFORE` days before them; solutions tried in both."""
    last = history.scope.as_of
    since = last - timedelta(days=DAYS - 1)
    runs = history.filtered_deployments.filter(_.day <= lit(last))
    runs = runs.filter(_.day >= lit(since - timedelta(days=BEFORE)))
    now = runs.day >= lit(since)
    counted = runs.group_by("task").agg(
        attempts=now.sum(),
        succeeded=(now & runs.succeeded).sum(),
        attempts_before=(~now).sum(),
        succeeded_before=(~now & runs.succeeded).sum(),
    )
    named = counted.inner_join(history.tasks, "task").group_by("solution")
    counts = ("attempts", "succeeded", "attempts_before", "succeeded_before")
    sums = named.agg(**{name: _[name].sum() for name in counts})
    return sums.filter(_.attempts > 0, _.attempts_before > 0).order_by("solution")


def new_errors(history: History) -> ibis.Table:
    """fingerprint, type, where, first_day, installs: errors first met in these days, by the
    installs that met them since; most installs first."""
    last = history.scope.as_of
    met = history.filtered_exposures.filter(_.day <= lit(last)).group_by("fingerprint")
    met = met.agg(first_day=_.day.min(), installs=_.install.nunique())
    new = met.filter(_.first_day > lit(last - timedelta(days=DAYS)))
    named = error_names(history.exposures).inner_join(new, "fingerprint")
    columns = ("fingerprint", "type", "where", "first_day", "installs")
    return named.select(*columns).order_by(ibis.desc("installs"), "fingerprint")


def _versions(history: History) -> ibis.Table:
    visits = history.shown_visits
    if history.scope.filtered:
        last = visits.group_by("install").agg(version=visits.version.argmax(visits.day))
    else:
        last = visits.filter((visits.next_day > lit(history.scope.until)).fill_null(True))
    return last.group_by(version=_.version.fill_null(UNKNOWN)).agg(installs=_.count())
