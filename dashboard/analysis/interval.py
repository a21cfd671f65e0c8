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
import numpy as np
import pandas as pd

from dashboard.analysis.engines import frame_of
from dashboard.analysis.errors import (
    as_counts,
    by_point,
    by_stratum,
    met_errors,
    shown_by_point,
    totals,
    with_interval,
)
from dashboard.analysis.history import History
from dashboard.analysis.strata import Counts, in_strata, strata_of, sums_in

_EACH = 2
"""Visits driven away, and as many not, that are added before q is worked out."""


def error_interval(history: History) -> pd.DataFrame:
    """The columns of `dashboard.analysis.errors.error_impact`, by the better comparison.

    - unmatched, left, expected, excess: against visits without this error
    - ci_low, ci_high: 95 % interval that holds the users the error cost, in 93 to 97 % of cases
    - q_value: two-sided, Benjamini–Hochberg over the errors; below 0.05 only where the interval
      leaves 0 out
    """
    every = as_counts(frame_of(_judged, history))
    met = _numbered(as_counts(frame_of(_met_by_point, history), "fingerprint"))
    shown = met
    if not history.scope.shows_all:
        shown = as_counts(frame_of(shown_by_point, history), "fingerprint")
        shown = _numbered(shown.astype({"fingerprint": met["fingerprint"].dtype}))

    def without(numbers: np.ndarray) -> Counts:
        """Of all visits in a stratum, those without the error, shown or not."""
        visits, leavers = sums_in(every, numbers, shown)
        met_it, left_with_it = sums_in(met, numbers, shown, "error")
        return visits - met_it, leavers - left_with_it

    strata = by_stratum(in_strata(shown, strata_of(history), without))
    # With m = 1 − q, the variance is m·staying − m²·squared + borrowed, since
    # p₁(1 − p₁) = m(1 − p₀) − m²(1 − p₀)².
    n1, n0, p0 = (strata[name] for name in ("visits", "n0", "p0"))
    doubt = p0 * (1 - p0) / (n0 - 1)
    sums = totals(
        strata.assign(
            staying=n1 * (1 - p0),
            squared=n1 * ((1 - p0) ** 2 - doubt),
            borrowed=n1 * n1 * doubt,
        ),
        *("staying", "squared", "borrowed"),
    )
    table = met_errors(history).join(sums.assign(variance=_variance(sums)), on="fingerprint")
    return with_interval(table)


def _judged(history: History) -> ibis.Table:
    return history.judged


def _met_by_point(history: History) -> ibis.Table:
    """fingerprint, point, visits, leavers: of all exposures, shown or not."""
    return by_point(history.exposures, "fingerprint")


def _numbered(met: pd.DataFrame) -> pd.DataFrame:
    """Add error: the number of the fingerprint."""
    return met.assign(error=met["fingerprint"].cat.codes.astype("int64"))


def _variance(sums: pd.DataFrame) -> pd.Series:
    excess = (sums["left"] - sums["expected"]).clip(lower=0)
    q = (excess + _EACH) / (sums["staying"] + 2 * _EACH)
    return (1 - q) * sums["staying"] - (1 - q) ** 2 * sums["squared"] + sums["borrowed"]
