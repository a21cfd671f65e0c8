"""Which error cost how many users: those who left after it beyond those who leave anyway."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
from ibis import _
from scipy import stats

from dashboard.analysis.engines import frame_of
from dashboard.analysis.history import History
from dashboard.analysis.proportion import Z95
from dashboard.analysis.strata import in_strata, strata_of, sums_in

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
    controls = as_counts(frame_of(_clean, history))
    exposed = as_counts(frame_of(shown_by_point, history), "fingerprint")
    found = in_strata(
        exposed, strata_of(history), lambda numbers: sums_in(controls, numbers, exposed)
    )
    strata = by_stratum(found)
    n1, a, n0, p0 = (strata[name] for name in ("visits", "leavers", "n0", "p0"))
    variance = a * (1 - a / n1) + n1 * n1 * p0 * (1 - p0) / n0
    sums = totals(strata.assign(variance=variance), "variance")
    return with_interval(met_errors(history).join(sums, on="fingerprint"))


def by_point(visits: ibis.Table, *by: str) -> ibis.Table:
    """point, visits, leavers, and the columns `by`: the visits that are not censored, counted by
    these and their point."""
    judged = visits.filter(~_.censored)
    return judged.group_by(*by, "point").agg(visits=_.count(), leavers=_.left.sum())


def shown_by_point(history: History) -> ibis.Table:
    """fingerprint, point, visits, leavers: of the exposures shown."""
    return by_point(history.shown_exposures, "fingerprint")


def _clean(history: History) -> ibis.Table:
    """point, visits, leavers: of the visits without an error."""
    return by_point(history.visits.filter(_.errors == 0))


def as_counts(counted: pd.DataFrame, *by: str) -> pd.DataFrame:
    """What `by_point` says, in the types that are counted with."""
    kinds = {"visits": "int64", "leavers": "int64", **dict.fromkeys(by, "category")}
    return counted.astype(kinds)


def by_stratum(exposed: pd.DataFrame) -> pd.DataFrame:
    """What `in_strata` returns, summed over each error's strata: fingerprint, visits, leavers,
    n0, p0."""
    keys = ["fingerprint", "level", "stratum"]
    summed = exposed.groupby(keys, as_index=False, sort=False, observed=True).agg(
        {"visits": "sum", "leavers": "sum", "n0": "first", "p0": "first"}
    )
    return summed.drop(columns=["level", "stratum"])


def totals(strata: pd.DataFrame, *sums: str) -> pd.DataFrame:
    """Sums over an error's strata, by fingerprint: visits, unmatched, left, expected, and `sums`,
    which are missing where it found no stratum."""
    matched = strata["n0"].notna()
    strata = strata.assign(
        unmatched=strata["visits"].where(~matched, 0),
        left=strata["leavers"].where(matched, 0),
        expected=strata["visits"] * strata["p0"],
    )
    by_error = strata.groupby("fingerprint", observed=True)
    return by_error[["visits", "unmatched", "left", "expected", *sums]].sum()


def met_errors(history: History) -> pd.DataFrame:
    """Every error of the visits shown: fingerprint, its last type and where, installs with it."""
    # Not as Arrow's text, of which pandas can't join empty columns.
    return frame_of(_met_errors, history).astype({"fingerprint": "object"})


def _met_errors(history: History) -> ibis.Table:
    last = {"order_by": ["time", "id"]}
    return history.shown_exposures.group_by("fingerprint").agg(
        type=_.error_type.last(**last),
        where=_.error_where.last(**last),
        installs=_.install.nunique(),
    )


def with_interval(table: pd.DataFrame) -> pd.DataFrame:
    """Make the frame of `IMPACT` of `met_errors` and `totals`, the variance of the excess among
    these."""
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
