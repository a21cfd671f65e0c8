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
    - q_value: two-sided, Benjamini–Hochberg over the errors that can be judged

    This is the file others rely on. Interval and q-value promise too much where strata are fine;
    `error_interval` says how sure one may be.

    The estimator is direct standardisation of the controls to the exposed visits' strata: with
    n₁ exposed visits in a stratum of which a left, and n₀ controls of which the share p₀ left,
    expected = Σ n₁p₀ and variance = Σ [a(1 − a/n₁) + n₁²p₀(1 − p₀)/n₀]. Null hypothesis of the
    q-value: those who met the error left no more and no less often than their controls.
    """
    judged = history.visits.filter(~_.censored)
    exposed = history.shown_exposures.filter(~_.censored)
    exposed = exposed.group_by("fingerprint", "point").agg(n1=_.count(), a=_.left.sum())
    strata = in_strata(history, exposed, judged.filter(_.errors == 0))
    strata = strata.group_by("fingerprint", "level", *STRATUM).agg(
        n1=_.n1.sum(), a=_.a.sum(), n0=_.n0.max(), p0=_.p0.max()
    )
    met = met_errors(history)
    frame = met.left_join(_totals(strata), "fingerprint").drop("fingerprint_right")
    # A frame: a table in memory would live on the one connection that Ibis shares between all
    # threads, and they hang there.
    return with_interval(frame.to_pandas())


def placed(history: History, table: ibis.Table) -> ibis.Table:
    """Add the keys of `STRATA` to what has the `point` of a visit."""
    return table.inner_join(_points(history), "point")


def in_strata(history: History, exposed: ibis.Table, controls: ibis.Table) -> ibis.Table:
    """What has a `point` of its visits, each in the finest stratum with enough controls.

    Adds level (of `STRATA`; beyond its end for what found no stratum), a by_<key> column for
    each key (null where the level leaves it out), n0 (controls) and p0 (share of them that
    left); both are null for what found no stratum.

    Args:
        controls: visits with point and left.
    """
    # Visits share few points, so all that follows is small.
    counted = controls.group_by("point").agg(controls=_.count(), leavers=_.left.sum())
    points = _points(history).left_join(counted, "point").drop("point_right")
    sums = {}
    for level, keys in enumerate(STRATA):
        stratum = ibis.window(group_by=list(keys))
        sums[f"n0_{level}"] = points.controls.sum().over(stratum)
        sums[f"l0_{level}"] = points.leavers.sum().over(stratum)
    points = points.mutate(**sums)
    levels = range(len(STRATA))
    enough = [points[f"n0_{level}"] >= MIN_CONTROLS for level in levels]
    n0 = ibis.cases(*[(enough[level], points[f"n0_{level}"]) for level in levels])
    l0 = ibis.cases(*[(enough[level], points[f"l0_{level}"]) for level in levels])
    level = ibis.cases(*zip(enough, levels, strict=True), else_=len(STRATA))
    found = named_strata(points.mutate(level=level, n0=n0, p0=l0 / n0))
    return exposed.inner_join(found.select("point", "level", "n0", "p0", *STRATUM), "point")


def named_strata(table: ibis.Table) -> ibis.Table:
    """Add `STRATUM`, by level and keys: what a coarser stratum leaves out must not divide it."""
    return table.mutate(
        **{
            name: ibis.ifelse(_.level < _levels_with(key), _[key], ibis.null())
            for name, key in zip(STRATUM, STRATA[0], strict=True)
        }
    )


def _points(history: History) -> ibis.Table:
    """What tells points apart: the keys of `STRATA`."""
    return history.points.mutate(version=_.version.fill_null(UNKNOWN), os=_.os.fill_null(UNKNOWN))


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


def met_errors(history: History) -> ibis.Table:
    """Every error of the visits shown: fingerprint, its last type and where, installs with it."""
    last = {"order_by": ["time", "id"]}
    return history.shown_exposures.group_by("fingerprint").agg(
        type=_.error_type.last(**last),
        where=_.error_where.last(**last),
        installs=_.install.nunique(),
    )


def with_interval(table: pd.DataFrame) -> pd.DataFrame:
    """Make the frame of `IMPACT` of sums over an error's strata and the variance of its excess.

    Ibis has no normal law; the few errors' rows are worked out here.
    """
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
    judged = table["visits"] > table["unmatched"]
    estimates = ["expected", "excess", "ci_low", "ci_high"]
    table.loc[~judged, estimates] = None
    # What can't be judged is no test among those to correct for.
    p_values = 2 * stats.norm.sf(np.abs(z[judged]))
    table["q_value"] = np.nan
    table.loc[judged, "q_value"] = stats.false_discovery_control(p_values)
    table = table.sort_values(["excess", "fingerprint"], ascending=[False, True])
    result: pd.DataFrame = table[list(IMPACT)].astype(IMPACT)
    return result
