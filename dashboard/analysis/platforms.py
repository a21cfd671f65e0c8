"""What the tool runs on, and which versions of it run."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import UNKNOWN, History


def os_spread(history: History) -> ibis.Table:
    """os, os_version, installs, share: of the installs with a visit in the period."""
    shown = _last_of_each(history.shown_visits, "install")
    shown = shown.mutate(os=_.os.fill_null(UNKNOWN), os_version=_.os_version.fill_null(UNKNOWN))
    counted = shown.group_by("os", "os_version").agg(installs=_.count())
    return _with_share(counted, "os", "os_version")


def os_families(history: History) -> ibis.Table:
    """os, installs, share: the families of `os_spread`."""
    counted = os_spread(history).group_by("os").agg(installs=_.installs.sum())
    return _with_share(counted, "os")


def metric_values(history: History, identifier: str) -> ibis.Table:
    """value, installs, share: of the installs whose last report in the period has that metric."""
    shown = _last_of_each(history.shown_visits, "install")
    told = shown.select(value=_.metrics.get(identifier)).filter(_.value.notnull())
    return _with_share(told.group_by("value").agg(installs=_.count()), "value")


def identifiers(history: History) -> ibis.Table:
    """identifier: of every metric in the history, sorted."""
    found = history.visits.select(identifier=_.metrics.keys().unnest()).distinct()
    return found.order_by("identifier")


def version_adoption(history: History) -> ibis.Table:
    """week, version, installs: each once a week, under its version in it."""
    visits = history.filtered(history.visits).mutate(week=_.day.truncate("W"))
    last = _last_of_each(history.in_period(visits, "week", "W"), "install", "week")
    last = last.mutate(version=_.version.fill_null(UNKNOWN))
    return last.group_by("week", "version").agg(installs=_.count()).order_by("week", "version")


def _last_of_each(visits: ibis.Table, *keys: str) -> ibis.Table:
    """The last visit of each install, or of each install and week."""
    latest = ibis.window(group_by=list(keys), order_by=ibis.desc("day"))
    return visits.mutate(place=ibis.row_number().over(latest)).filter(_.place == 0)


def _with_share(counted: ibis.Table, *keys: str) -> ibis.Table:
    shared = counted.mutate(share=_.installs / _.installs.sum().over(ibis.window()))
    return shared.order_by(ibis.desc("installs"), *keys)
