"""Each analysis gives on random histories what its plain reference gives: counts exactly, shares
within 1e-9."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from dashboard.analysis.error_free import error_free
from dashboard.analysis.errors import error_impact
from dashboard.analysis.fates import error_fates
from dashboard.analysis.first_run import first_run_errors
from dashboard.analysis.funnel import STEPS, funnel
from dashboard.analysis.headline import headline
from dashboard.analysis.history import History
from dashboard.analysis.installs import active_installs, new_installs
from dashboard.analysis.interval import error_interval
from dashboard.analysis.leavers import left_after_error
from dashboard.analysis.lifecycle import lifecycle
from dashboard.analysis.losses import loss_account
from dashboard.analysis.one_time import (
    one_time,
    one_time_by_operation,
    one_time_by_system,
    one_time_by_version,
    one_time_shares,
)
from dashboard.analysis.platforms import metric_values, os_spread, version_adoption
from dashboard.analysis.retention import retention
from dashboard.analysis.solution_quality import solution_quality
from dashboard.analysis.solutions import solution_deployments
from dashboard.analysis.stickiness import stickiness
from dashboard.analysis.survival import WITH, WITHOUT, log_rank, matched_sample, survival
from dashboard.analysis.won_back import won_back, won_back_versions
from tests.dashboard import reference, reference_after_errors, reference_use
from tests.dashboard.histories import ERRORS, FIRST, history_of, random_reports
from tests.dashboard.reference import Prepared, prepared
from tests.dashboard.rows import near, ordered, rows_of

Plain = Callable[[Prepared], list[tuple[Any, ...]]]
Analyses = dict[Callable[[History], Any], Plain]

ANALYSES: Analyses = {
    new_installs: reference.new_installs,
    active_installs: reference.active_installs,
    lifecycle: reference.lifecycle,
    retention: reference.retention,
    version_adoption: reference.version_adoption,
    solution_deployments: reference.solution_deployments,
    one_time: reference.one_time,
    lambda h: _shares(one_time_shares(h)): reference_use.one_time_shares,
    lambda h: _shares(one_time_by_version(h)): lambda p: reference_use.one_time_by(p, "version"),
    lambda h: _shares(one_time_by_system(h)): lambda p: reference_use.one_time_by(p, "os"),
    lambda h: _shares(one_time_by_operation(h)): (
        lambda p: reference_use.one_time_by(p, "operation")
    ),
    stickiness: reference_use.stickiness,
    lambda h: _told(left_after_error(h)): reference.left_after_error,
    os_spread: reference.os_spread,
    lambda h: metric_values(h, "hosts"): lambda p: reference.metric_values(p, "hosts"),
    error_fates: reference_after_errors.error_fates,
    lambda h: won_back(h).drop("ci_low", "ci_high"): reference_after_errors.won_back,
    won_back_versions: reference_after_errors.won_back_versions,
    first_run_errors: lambda p: [reference_after_errors.first_run_errors(p)],
    solution_quality: reference_use.solution_quality,
    funnel: lambda p: reference_use.funnel(p, STEPS),
    error_free: reference_use.error_free,
    loss_account: reference_use.loss_account,
}


COSTS = {error_impact: reference.error_impact, error_interval: reference.error_interval}
SUMS = ["fingerprint", "installs", "visits", "unmatched", "left", "excess"]
BOTH_TOLD = (("hosts", ("0", "1")), ("os_version", ("13",)))


def _shares(table: Any) -> Any:
    return table.drop("low", "high")


def _sums(costs: dict[str, dict[str, Any]]) -> list[tuple[Any, ...]]:
    rows = []
    for fingerprint, cost in costs.items():
        excess = cost["excess"] if cost["visits"] > cost["unmatched"] else None
        rows.append((fingerprint, *(cost[name] for name in SUMS[1:-1]), excess))
    return rows


def _told(leavers: Any) -> Any:
    return leavers.drop("sentry_event").mutate(version=leavers.version.fill_null("unknown"))


@dataclass(frozen=True)
class Case:
    """A simulated history and how it is looked at."""

    seed: int
    installs: int
    days: int
    as_of: date
    last_day: date
    seen: dict[str, Any]
    """Horizon and CI."""
    chosen: dict[str, Any]
    """Period and filters."""


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """As of a day in the middle of the history, at its end or after it."""
    days = draw(st.integers(1, 200))
    as_of = FIRST + timedelta(days=draw(st.integers(0, days + 40)))
    since = FIRST + timedelta(days=draw(st.integers(-3, days)))
    until = since + timedelta(days=draw(st.integers(0, days)))
    return Case(
        draw(st.integers(0, 10**6)),
        draw(st.sampled_from((0, 1, 5, 40, 80))),
        days,
        as_of,
        as_of + timedelta(days=draw(st.integers(0, 1))),
        {"horizon": draw(st.sampled_from((1, 7, 30))), "ci": draw(st.booleans())},
        {
            **draw(st.sampled_from(({"since": since, "until": until}, {}, {"until": until}))),
            "versions": draw(st.sampled_from(((), (), ("1.1",), ("1.0", "unknown")))),
            "systems": draw(st.sampled_from(((), (), ("Linux",)))),
            "solutions": draw(st.sampled_from(((), (), ("teler",), ("clamav", "wazuh")))),
            "metrics": draw(st.sampled_from(((), (), (("hosts", ("1", "2")),), BOTH_TOLD))),
        },
    )


# Half a minute of examples; to shrink a seed takes longer and tells nothing.
@settings(max_examples=15, deadline=None, phases=(Phase.reuse, Phase.generate))
@given(case=cases())
def test_every_table_is_as_defined(case: Case) -> None:
    note(repr(case))
    reports = random_reports(case.seed, installs=case.installs, days=case.days)
    reports += reports[::5]  # repeated, as by a retry
    chosen: dict[str, Any] = {**case.seen, **case.chosen}
    p = prepared(reports, case.as_of, case.last_day, **chosen)
    with history_of(reports, case.as_of, case.last_day, **chosen) as history:
        for analysis, plain in ANALYSES.items():
            assert ordered(rows_of(analysis(history))) == near(plain(p))
        for cost, of_errors in COSTS.items():
            assert ordered(rows_of(cost(history)[SUMS])) == near(_sums(of_errors(p)))
        if "since" in chosen:
            assert rows_of(headline(history)) == near(reference_use.headline(p))
        survival_is_as_defined(history, p, ERRORS[case.seed % 2][0])


@pytest.mark.parametrize("seed", [1, 2])
def test_survival_is_as_defined_where_there_are_controls(seed: int) -> None:
    reports = random_reports(seed, installs=400, days=60)
    as_of = FIRST + timedelta(days=75)
    chosen: dict[str, Any] = {"versions": ("1.0", "unknown")} if seed == 2 else {}
    with history_of(reports, as_of, as_of, **chosen) as history:
        p = prepared(reports, as_of, as_of, **chosen)
        assert log_rank(matched_sample(history, ERRORS[0][0])).exposed >= 50
        survival_is_as_defined(history, p, ERRORS[0][0])


def survival_is_as_defined(history: History, p: Prepared, fingerprint: str) -> None:
    sample = matched_sample(history, fingerprint)
    plain = reference_after_errors.matched_sample(p, fingerprint)
    followed = ["install", "exposed", "days", "left"]
    wanted = [(row[0], row[1], *row[3:]) for row in plain]
    assert ordered(rows_of(sample[followed])) == near(wanted)
    curves = survival(sample)
    for group, exposed in ((WITH, True), (WITHOUT, False)):
        found = list(curves[curves["group"] == group]["survival"])
        shares = reference_after_errors.survival(plain, exposed=exposed)
        assert found == pytest.approx(shares, rel=0, abs=1e-9)
    test = log_rank(sample)
    matched = [row for row in plain if row[2]]
    assert test.exposed == sum(row[1] for row in matched)
    assert test.controls == len(matched) - test.exposed
    assert test.unmatched == len(plain) - len(matched)
    expected = reference_after_errors.log_rank(plain)
    if expected is None:
        assert test.statistic is None
    else:
        assert test.statistic == pytest.approx(expected, rel=1e-9)
