"""What there is to filter by, the most used first."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History


def versions(history: History) -> ibis.Table:
    """version, visits: every one that the app ever ran in."""
    return _most_first(history, "version")


def systems(history: History) -> ibis.Table:
    """os, visits: every OS family that the app ever ran on."""
    return _most_first(history, "os")


def solutions(history: History) -> ibis.Table:
    """solution, visits: every one that a report ever named."""
    named = history.bundles.inner_join(history.bundled, "bundle")
    named = named.select("visits", solution=_.solutions.unnest())
    counted = named.group_by("solution").agg(visits=_.visits.sum())
    return counted.order_by(ibis.desc("visits"), "solution")


def metric_choices(history: History) -> ibis.Table:
    """identifier, value, visits: of every metric, each value that a visit ever told."""
    told = history.profiles.inner_join(history.told, "profile")
    told = told.select("metrics", "visits", identifier=_.metrics.keys().unnest())
    told = told.mutate(value=told.metrics.get(told.identifier)).filter(_.value.notnull())
    counted = told.group_by("identifier", "value").agg(visits=_.visits.sum())
    return counted.order_by("identifier", ibis.desc("visits"), "value")


def _most_first(history: History, name: str) -> ibis.Table:
    counted = history.every_cell.group_by(name).agg(visits=_.visits.sum())
    return counted.order_by(ibis.desc("visits"), name)
