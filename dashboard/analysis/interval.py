"""What an error cost, net of other errors, and how sure that is.

**Comparison.** As `dashboard.analysis.errors`, but the controls of an error are all visits
without *this* error, not those without any. Whatever else goes wrong in a visit then happens on
both sides of the comparison and cancels, as long as errors come independently; against visits
without any error, each would be charged for what the others do to its visits.

**Variance.** In a stratum with n₀ controls of which the share p₀ left, and n₁ exposed visits, let
the error drive away each user who would have stayed with probability q. An exposed visit is then
the last with p₁ = p₀ + q(1 − p₀), and the excess Σ (a − n₁p₀) has the mean q Σ n₁(1 − p₀) and
the variance Σ [n₁p₁(1 − p₁) + n₁²p₀(1 − p₀)/n₀]: the first part is the exposed visits' own chance,
the second that of the controls they are held against. Two estimates make it computable:

- q is one for all strata, q = (excess + 2) / (Σ n₁(1 − p₀) + 4), the excess taken as 0 where it is
  below. The 2 and 4 are those of Agresti and Coull (1998, The American Statistician 52:119–126):
  without them, a few visits that all end alike would look certain.
- p₀(1 − p₀)/(n₀ − 1), with the observed p₀, estimates the variance of p₀ without bias; p₁(1 − p₁)
  with the observed p₀ falls short by (1 − q)² times as much, which is added.

The fixed variance, Σ a(1 − a/n₁), estimates p₁ anew in every stratum: where strata hold one
exposed visit each, it is 0. Fine strata are the rule, so q is pooled. That it is not the same
in all of them matters little to a sum of variances.

Visits of one install are no sample of their own each. Yet leaving is a last event: given the
past, what a visit holds beyond its probability is uncorrelated with what the visits before it
held (a martingale; Andersen and others 1993, Statistical Models Based on Counting Processes,
II.1), so the sum needs no clustering, but for what strata leave of the differences between
installs. `bench.churn` measures that this is small, also where the same few installs meet an
error again and again.
"""

from __future__ import annotations

import ibis
import pandas as pd
from ibis import _

from dashboard.analysis.errors import (
    MIN_CONTROLS,
    STRATA,
    STRATUM,
    met_errors,
    named_strata,
    placed,
    with_interval,
)
from dashboard.analysis.history import History

_EACH = 2
"""Visits driven away, and as many not, that are added before q is worked out."""


def error_interval(history: History) -> pd.DataFrame:
    """The columns of `dashboard.analysis.errors.error_impact`, by the better comparison.

    - unmatched, left, expected, excess: against visits without this error
    - ci_low, ci_high: 95 % interval that holds the users the error cost, in 93 to 97 % of cases
    - q_value: two-sided, Benjamini–Hochberg over the errors; below 0.05 only where the interval
      leaves 0 out
    """
    judged = history.visits.filter(~_.censored)
    met = history.exposures.filter(~_.censored)
    shown = history.shown_exposures.filter(~_.censored)
    cells = _cells(history, judged, met, shown)
    sums = _sums(_strata(cells))
    frame = met_errors(history).left_join(sums, "fingerprint").drop("fingerprint_right")
    table = frame.to_pandas()
    return with_interval(table.assign(variance=_variance(table)))


def _cells(history: History, judged: ibis.Table, met: ibis.Table, shown: ibis.Table) -> ibis.Table:
    """By error and cell, a finest stratum with a visit that is shown: n1 and a, of these visits.

    And for each level visits_<level> and gone_<level>, of all visits in the cell's stratum, and
    met_<level> and met_gone_<level>, of those with the error: how many, and how many left.
    """
    keys = STRATA[0]

    def in_cells(table: ibis.Table, *by: str, **names: str) -> ibis.Table:
        # Counted by point first: there are few of them.
        counted = table.group_by(*by, "point").agg(count=_.count(), leavers=_.left.sum())
        sums = {name: _[column].sum() for name, column in names.items()}
        return placed(history, counted).group_by(*by, *keys).agg(**sums)

    visits = in_cells(judged, visits="count", gone="leavers")
    exposed = in_cells(met, "fingerprint", met="count", met_gone="leavers")
    cells = in_cells(shown, "fingerprint", n1="count", a="leavers")
    visits = _summed(visits, "visits", "gone")
    exposed = _summed(exposed, "met", "met_gone", by=("fingerprint",))
    return cells.inner_join(exposed, ["fingerprint", *keys]).inner_join(visits, list(keys))


def _strata(cells: ibis.Table) -> ibis.Table:
    """Shown visits by error and by the finest stratum that holds enough visits without it.

    Returns fingerprint, n1 (shown visits with the error), a (of them left), n0 (visits without
    it, whether shown or not) and p0 (share of them that left); n0 and p0 are null for the visits
    that found no stratum.
    """
    levels = range(len(STRATA))
    n0 = [cells[f"visits_{i}"] - cells[f"met_{i}"] for i in levels]
    gone = [cells[f"gone_{i}"] - cells[f"met_gone_{i}"] for i in levels]
    enough = [controls >= MIN_CONTROLS for controls in n0]
    cells = cells.mutate(
        level=ibis.cases(*[(enough[i], i) for i in levels], else_=len(STRATA)),
        n0=ibis.cases(*[(enough[i], n0[i]) for i in levels]),
        p0=ibis.cases(*[(enough[i], gone[i] / n0[i]) for i in levels]),
    )
    strata = named_strata(cells).group_by("fingerprint", "level", *STRATUM)
    return strata.agg(n1=_.n1.sum(), a=_.a.sum(), n0=_.n0.max(), p0=_.p0.max())


def _summed(cells: ibis.Table, *columns: str, by: tuple[str, ...] = ()) -> ibis.Table:
    """Add each column's sum over the stratum that a cell lies in, of each level."""
    sums: dict[str, ibis.Value] = {}
    for level, keys in enumerate(STRATA):
        stratum = ibis.window(group_by=[*by, *keys])
        sums |= {f"{name}_{level}": cells[name].sum().over(stratum) for name in columns}
    return cells.mutate(**sums)  # all at once: each step more is work for Ibis


def _sums(strata: ibis.Table) -> ibis.Table:
    """Sums over an error's strata: visits, unmatched, left, expected, and three for the variance.

    With m = 1 − q, the variance is m·staying − m²·squared + borrowed, since
    p₁(1 − p₁) = m(1 − p₀) − m²(1 − p₀)².
    """
    n1, a, n0, p0 = (strata[name] for name in ("n1", "a", "n0", "p0"))
    matched = n0.notnull()
    doubt = p0 * (1 - p0) / (n0 - 1)
    return strata.group_by("fingerprint").agg(
        visits=n1.sum(),
        unmatched=n1.sum(where=~matched),
        left=a.sum(where=matched),
        expected=(n1 * p0).sum(where=matched),
        staying=(n1 * (1 - p0)).sum(where=matched),
        squared=(n1 * ((1 - p0) * (1 - p0) - doubt)).sum(where=matched),
        borrowed=(n1 * n1 * doubt).sum(where=matched),
    )


def _variance(sums: pd.DataFrame) -> pd.Series:
    # DuckDB's sum of a sum is a decimal number.
    sums = sums[["left", "expected", "staying", "squared", "borrowed"]].astype(float)
    excess = (sums["left"] - sums["expected"]).clip(lower=0)
    q = (excess + _EACH) / (sums["staying"] + 2 * _EACH)
    return (1 - q) * sums["staying"] - (1 - q) ** 2 * sums["squared"] + sums["borrowed"]
