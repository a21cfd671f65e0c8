"""What there is to filter by, the most used first."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import UNKNOWN, History


def versions(history: History) -> ibis.Table:
    """version, visits: every one that the app ever ran in."""
    return _most_first(_told(history), version=_.version.fill_null(UNKNOWN))


def systems(history: History) -> ibis.Table:
    """os, visits: every OS family that the app ever ran on."""
    return _most_first(_told(history), os=_.os.fill_null(UNKNOWN))


def solutions(history: History) -> ibis.Table:
    """solution, reports: every one that a report ever named."""
    runs = history.deployments.group_by("task").agg(reports=_.count())
    runs = history.tasks.inner_join(runs, "task").select("solution", "reports")
    errors = history.errors.filter(_.solution.notnull())
    named = runs.union(errors.group_by("solution").agg(reports=_.count()))
    counted = named.group_by("solution").agg(reports=_.reports.sum())
    return counted.order_by(ibis.desc("reports"), "solution")


def metric_choices(history: History) -> ibis.Table:
    """identifier, value, visits: of every metric, each value that a visit ever told."""
    told = _told(history).mutate(identifier=_.metrics.keys().unnest())
    told = told.mutate(value=told.metrics.get(told.identifier)).filter(_.value.notnull())
    counted = told.group_by("identifier", "value").agg(visits=_.visits.sum())
    return counted.order_by("identifier", ibis.desc("visits"), "value")


def _told(history: History) -> ibis.Table:
    """Profiles, with the `visits` that have them."""
    counted = history.visits.group_by("profile").agg(visits=_.count())
    return history.profiles.inner_join(counted, "profile")


def _most_first(told: ibis.Table, **named: ibis.Deferred) -> ibis.Table:
    counted = told.group_by(**named).agg(visits=_.visits.sum())
    return counted.order_by(ibis.desc("visits"), *named)
