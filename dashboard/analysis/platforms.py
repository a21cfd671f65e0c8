"""What the tool runs on, and which versions of it run."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History
from dashboard.schema import UNKNOWN


def os_spread(history: History) -> ibis.Table:
    """os, os_version, installs, share: of the installs with a visit in the period."""
    told = history.last_profiles
    named = told.mutate(os=_.os.fill_null(UNKNOWN), os_version=_.os_version.fill_null(UNKNOWN))
    counted = named.group_by("os", "os_version").agg(installs=_.installs.sum())
    return _with_share(counted, "os", "os_version")


def os_families(history: History) -> ibis.Table:
    """os, installs, share: the families of `os_spread`."""
    counted = os_spread(history).group_by("os").agg(installs=_.installs.sum())
    return _with_share(counted, "os")


def metric_values(history: History, identifier: str) -> ibis.Table:
    """value, installs, share: of the installs whose last report in the period has that metric."""
    told = history.last_profiles.mutate(value=_.metrics.get(identifier))
    told = told.filter(_.value.notnull())
    return _with_share(told.group_by("value").agg(installs=_.installs.sum()), "value")


def metric_spread(history: History) -> ibis.Table:
    """identifier, value, installs, share: `metric_values` of every metric."""
    told = history.last_profiles
    each = told.mutate(identifier=_.metrics.keys().unnest())
    each = each.mutate(value=each.metrics.get(each.identifier))
    counted = each.group_by("identifier", "value").agg(installs=_.installs.sum())
    total = _.installs.sum().over(ibis.window(group_by="identifier"))
    shared = counted.mutate(share=_.installs / total)
    return shared.order_by("identifier", ibis.desc("installs"), "value")


def identifiers(history: History) -> ibis.Table:
    """identifier: of every metric in the history, sorted."""
    profiles = history.profiles.semi_join(history.told, "profile")
    found = profiles.select(identifier=_.metrics.keys().unnest()).distinct()
    return found.order_by("identifier")


def version_adoption(history: History) -> ibis.Table:
    """week, version, installs: each once a week, under its version in it."""
    last = history.activity.filter(_.after > 0)  # of its week
    last = history.in_period(last, "week", "W").mutate(version=_.version.fill_null(UNKNOWN))
    return last.group_by("week", "version").agg(installs=_.visits.sum()).order_by("week", "version")


def _with_share(counted: ibis.Table, *keys: str) -> ibis.Table:
    shared = counted.mutate(share=_.installs / _.installs.sum().over(ibis.window()))
    return shared.order_by(ibis.desc("installs"), *keys)
