"""Which error cost how many users: those who left after it beyond those who leave anyway."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
from ibis import _
from scipy import stats

from dashboard.analysis.history import UNKNOWN, History
from dashboard.analysis.proportion import Z95

MIN_CONTROLS = 10
"""Control visits that a stratum needs before exposed visits are compared with it."""

# From the finest stratum to the coarsest; what is left out last matters most.
STRATA = (
    ("number_bin", "gap_bin", "version", "os", "month"),
    ("number_bin", "gap_bin", "version", "os"),
    ("number_bin", "gap_bin", "version"),
    ("number_bin", "gap_bin"),
    ("number_bin",),
)
STRATUM = tuple(f"by_{key}" for key in STRATA[0])
"""Columns that name a stratum within its level."""

IMPACT = {
    "fingerprint": "object",
    "type": "object",
    "where": "object",
    "installs": "int64",
    "visits": "int64",
    "unmatched": "int64",
    "left": "int64",
    "expected": "float64",
    "excess": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "q_value": "float64",
}


def error_impact(history: History) -> pd.DataFrame:
    """A frame with the columns of `IMPACT`: the errors met in the period, costliest first.

    - installs: that met it, those too early to judge among them
    - visits: with it and not censored; unmatched: of these, without a stratum of controls
    - left, expected, excess: over the matched visits: how many left; how many of as many
      control visits in the same strata did; the difference, which is the users it cost
    - ci_low, ci_high: 95 % interval of the excess, by the normal law
    - q_value: two-sided, Benjamini–Hochberg over the errors

    The estimator is direct standardisation of the controls to the exposed visits' strata: with
    n₁ exposed visits in a stratum of which a left, and n₀ controls of which the share p₀ left,
    expected = Σ n₁p₀ and variance = Σ [a(1 − a/n₁) + n₁²p₀(1 − p₀)/n₀]. Null hypothesis of the
    q-value: those who met the error left no more and no less often than their controls.
    """
    judged = history.visits.filter(~_.censored)
    # Counted by point first: there are few of them.
    pool = judged.filter(_.errors == 0).group_by("point").agg(n0=_.count(), l0=_.left.sum())
    exposed = history.in_period(history.filtered(judged.filter(_.errors > 0)), "day")
    exposed = exposed.inner_join(history.exposures, ["install", "day"])
    exposed = exposed.group_by("fingerprint", "point").agg(n1=_.count(), a=_.left.sum())
    strata = _by_stratum(in_strata(_placed(history, exposed), _placed(history, pool)))
    met = _met(history)
    frame = met.left_join(_totals(strata), "fingerprint").drop("fingerprint_right")
    return _with_interval(frame)


def placed_visits(history: History) -> ibis.Table:
    """Visits that can be judged, each with its place in an install's life."""
    judged = history.visits.filter(~_.censored)
    return _placed(history, judged.select("install", "day", "errors", "left", "point"))


def _placed(history: History, table: ibis.Table) -> ibis.Table:
    """Add the columns of the finest stratum to a table with points."""
    points = history.points.mutate(version=_.version.fill_null(UNKNOWN), os=_.os.fill_null(UNKNOWN))
    return table.inner_join(points, "point").drop("point")


def control_pool(controls: ibis.Table) -> ibis.Table:
    """Controls, of `placed_visits`, by the finest stratum: n0, and l0 of them that left."""
    return controls.group_by(*STRATA[0]).agg(n0=_.count(), l0=_.left.sum())


def in_strata(exposed: ibis.Table, pool: ibis.Table) -> ibis.Table:
    """Exposed visits, of `placed_visits`, each in the finest stratum with enough controls.

    Adds level (of `STRATA`; beyond its end for a visit without a stratum), a by_<key> column for
    each key (null where the level leaves it out), n0 (controls) and p0 (share of them that
    left); both are null for the visits that found no stratum.

    Args:
        pool: of `control_pool`.
    """
    for level, keys in enumerate(STRATA):
        pool = pool.group_by(*keys).agg(n0=_.n0.sum(), l0=_.l0.sum())
        enough = pool.filter(_.n0 >= MIN_CONTROLS)
        enough = enough.select(*keys, **{f"n0_{level}": _.n0, f"p0_{level}": _.l0 / _.n0})
        joined = exposed.left_join(enough, list(keys))
        exposed = joined.drop(*[f"{key}_right" for key in keys])
    levels = range(len(STRATA))
    found = ibis.cases(*[(exposed[f"n0_{i}"].notnull(), i) for i in levels], else_=len(STRATA))
    exposed = exposed.mutate(
        level=found,
        n0=ibis.coalesce(*[exposed[f"n0_{i}"] for i in levels]),
        p0=ibis.coalesce(*[exposed[f"p0_{i}"] for i in levels]),
    )
    # What a coarser stratum leaves out must not divide it.
    stratum = {
        name: ibis.ifelse(_.level < _levels_with(key), _[key], ibis.null())
        for name, key in zip(STRATUM, STRATA[0], strict=True)
    }
    return exposed.mutate(**stratum)


def _by_stratum(exposed: ibis.Table) -> ibis.Table:
    """By error and stratum: n1 (exposed visits), a (of them left), n0 and p0."""
    by_stratum = exposed.group_by("fingerprint", "level", *STRATUM)
    return by_stratum.agg(n1=_.n1.sum(), a=_.a.sum(), n0=_.n0.max(), p0=_.p0.max())


def _levels_with(key: str) -> int:
    return sum(key in keys for keys in STRATA)


def _totals(strata: ibis.Table) -> ibis.Table:
    """Sums over an error's strata: visits, unmatched, left, expected and variance."""
    n1, a, n0, p0 = (strata[name] for name in ("n1", "a", "n0", "p0"))
    matched = n0.notnull()
    return strata.group_by("fingerprint").agg(
        visits=n1.sum(),
        unmatched=n1.sum(where=~matched),
        left=a.sum(where=matched),
        expected=(n1 * p0).sum(where=matched),
        variance=(a * (1 - a / n1) + n1 * n1 * p0 * (1 - p0) / n0).sum(where=matched),
    )


def _met(history: History) -> ibis.Table:
    """Every error in the period: fingerprint, its last type and where, installs that met it."""
    errors = history.in_period(history.filtered(history.errors), "day")
    last = {"order_by": ["time", "id"]}
    return errors.group_by("fingerprint").agg(
        type=_.error_type.last(**last),
        where=_.error_where.last(**last),
        installs=_.install.nunique(),
    )


def _with_interval(frame: ibis.Table) -> pd.DataFrame:
    """Work out interval and q-value, for which Ibis has no normal law, on the few errors' rows.

    The result stays a frame: a table in memory would live on the one connection that Ibis shares
    between all threads, and they hang there.
    """
    table = frame.to_pandas()
    counts = ["visits", "unmatched", "left"]
    table[counts] = table[counts].fillna(0).astype("int64")
    table[["expected", "variance"]] = table[["expected", "variance"]].fillna(0.0).astype(float)
    table["excess"] = table["left"] - table["expected"]
    deviation = np.sqrt(table["variance"])
    table["ci_low"] = table["excess"] - Z95 * deviation
    table["ci_high"] = table["excess"] + Z95 * deviation
    # Without any spread, every difference lies beyond chance by the normal law.
    z = np.divide(
        table["excess"],
        deviation,
        out=np.where(table["excess"] == 0, 0.0, np.inf),
        where=deviation > 0,
    )
    p_values = 2 * stats.norm.sf(np.abs(z))
    table["q_value"] = stats.false_discovery_control(p_values) if len(table) else p_values
    judged = table["visits"] > table["unmatched"]
    estimates = ["expected", "excess", "ci_low", "ci_high", "q_value"]
    table.loc[~judged, estimates] = None
    table = table.sort_values(["excess", "fingerprint"], ascending=[False, True])
    result: pd.DataFrame = table[list(IMPACT)].astype(IMPACT)
    return result
