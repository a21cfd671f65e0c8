"""Whether an error on the first day makes one-time users."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History
from dashboard.analysis.proportion import Z95
from dashboard.analysis.strata import MIN_CONTROLS


def first_run_errors(history: History) -> ibis.Table:
    """One row: installs, unmatched, one_time, share, expected, difference, ci_low, ci_high.

    - installs: whose first visit, in the period and not censored, has an error
    - unmatched: of these, whose version and OS fewer than `MIN_CONTROLS` first visits without
      an error share
    - one_time: of the rest, came once; share: of the rest
    - expected: the share that came once, at the same versions and OS, without an error
    - difference: share − expected, with its 95 % interval by the normal law

    Direct standardisation to those with an error: with n₁ of them in a stratum of which a came
    once, n₀ without of which the share p₀ did, and N = Σn₁, expected = Σ n₁p₀ / N and
    variance = Σ [a(1 − a/n₁) + n₁²p₀(1 − p₀)/n₀] / N².
    """
    strata = first_runs(history).filter(_.with_error > 0)
    n1, a = strata.with_error, strata.one_time_with
    n0, p0 = strata.without, strata.one_time_without / strata.without.nullif(0)
    matched = n0 >= MIN_CONTROLS
    sums = strata.agg(
        installs=n1.sum(),
        unmatched=n1.sum(where=~matched),
        one_time=a.sum(where=matched),
        n=n1.sum(where=matched),
        expected=(n1 * p0).sum(where=matched),
        variance=(a * (1 - a / n1) + n1 * n1 * p0 * (1 - p0) / n0).sum(where=matched),
    )
    counts = {name: sums[name].fill_null(0) for name in ("installs", "unmatched", "one_time")}
    share, expected = sums.one_time / sums.n.nullif(0), sums.expected / sums.n.nullif(0)
    reach = Z95 * sums.variance.sqrt() / sums.n.nullif(0)
    return sums.select(
        **counts,
        share=share,
        expected=expected,
        difference=share - expected,
        ci_low=share - expected - reach,
        ci_high=share - expected + reach,
    )


def first_runs(history: History) -> ibis.Table:
    """version, os, with_error, one_time_with, without, one_time_without: first visits judged."""
    first = history.in_period(history.cells, "day").filter(_.is_new, _.judged)
    counted = first.group_by("version", "os").agg(
        with_error=(_.visits - _.clean).sum(),
        one_time_with=(_["last"] - _.clean_last).sum(),
        without=_.clean.sum(),
        one_time_without=_.clean_last.sum(),
    )
    return counted.order_by("version", "os")
