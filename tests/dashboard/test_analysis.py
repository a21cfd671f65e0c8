"""Each analysis gives what a plain pandas computation of its definition gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from scipy.stats import norm

from dashboard.analysis import strata
from dashboard.analysis.errors import error_impact, with_interval
from dashboard.analysis.history import History
from dashboard.analysis.installs import active_installs, new_installs
from dashboard.analysis.interval import error_interval
from dashboard.analysis.leavers import left_after_error
from dashboard.analysis.lifecycle import lifecycle
from dashboard.analysis.one_time import one_time
from dashboard.analysis.platforms import identifiers, metric_values, os_spread, version_adoption
from dashboard.analysis.proportion import Z95
from dashboard.analysis.retention import retention
from dashboard.analysis.solutions import solution_deployments
from dashboard.findings import proven
from tests.dashboard import reference
from tests.dashboard.histories import ERRORS, FIRST, history_of, ms, random_reports
from tests.dashboard.reference import Prepared, prepared
from tests.dashboard.rows import near, ordered, rows_of

CASES = [
    # seed, installs, days simulated, as of (days after the first), last day shown
    (1, 200, 120, 119, 119),
    (2, 120, 75, 60, 60),
    (3, 80, 90, 88, 89),
    (4, 1, 1, 0, 0),
    (5, 3, 40, 39, 39),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"seed{case[0]}")
def both(request: pytest.FixtureRequest) -> Iterator[tuple[History, Prepared]]:
    seed, installs, days, as_of, last = request.param
    reports = random_reports(seed, installs=installs, days=days)
    reports += reports[::7]  # repeated, as by a retry
    shown = FIRST + timedelta(days=as_of), FIRST + timedelta(days=last)
    with history_of(reports, *shown) as history:
        yield history, prepared(reports, *shown)


OF_CI = {
    active_installs: reference.active_installs,
    retention: reference.retention,
    version_adoption: reference.version_adoption,
}


def test_ci_counts_where_asked_for() -> None:
    reports = random_reports(6, installs=60, days=90)
    for report in reports[::5]:
        report["ci"] = True  # so that some installs run both in a CI service and elsewhere
    as_of = FIRST + timedelta(days=89)
    with history_of(reports, as_of, as_of, ci=True) as history:
        of_reports = prepared(reports, as_of, as_of, ci=True)
        found = [ordered(rows_of(analysis(history))) for analysis in OF_CI]
        assert found == [near(plain(of_reports)) for plain in OF_CI.values()]
    with history_of(reports, as_of, as_of) as history:
        of_reports = prepared(reports, as_of, as_of)
        found = [ordered(rows_of(analysis(history))) for analysis in OF_CI]
        assert found == [near(plain(of_reports)) for plain in OF_CI.values()]


@pytest.mark.parametrize(
    ("analysis", "plain"),
    [
        (new_installs, reference.new_installs),
        (active_installs, reference.active_installs),
        (lifecycle, reference.lifecycle),
        (retention, reference.retention),
        (version_adoption, reference.version_adoption),
        (solution_deployments, reference.solution_deployments),
        (one_time, reference.one_time),
    ],
)
def test_table_is_as_defined(
    both: tuple[History, Prepared],
    analysis: Callable[[History], Any],
    plain: Callable[[Prepared], list[tuple[Any, ...]]],
) -> None:
    history, of_reports = both
    assert ordered(rows_of(analysis(history))) == near(plain(of_reports))


def test_os_spread_is_of_a_period(both: tuple[History, Prepared]) -> None:
    history, of_reports = both
    since, until = FIRST + timedelta(days=20), FIRST + timedelta(days=50)
    assert ordered(rows_of(os_spread(history))) == near(reference.os_spread(of_reports))
    shown = rows_of(os_spread(history.within(since, until)))
    of_period = replace(of_reports, since=since, until=until)
    assert ordered(shown) == near(reference.os_spread(of_period))


def test_metric_values(both: tuple[History, Prepared]) -> None:
    history, of_reports = both
    names = [name for (name,) in rows_of(identifiers(history))]
    assert names == sorted({name for m in of_reports.visits["metrics"] for name in m})
    for name in names:
        wanted = near(reference.metric_values(of_reports, name))
        assert ordered(rows_of(metric_values(history, name))) == wanted


def test_left_after_error(both: tuple[History, Prepared]) -> None:
    history, of_reports = both
    found = left_after_error(history).drop("sentry_event").mutate(version=_known("version"))
    assert ordered(rows_of(found)) == near(reference.left_after_error(of_reports))


def _known(column: str) -> Any:
    from ibis import _

    return _[column].fill_null("unknown")


@pytest.mark.parametrize(
    ("analysis", "plain"),
    [
        (error_impact, reference.error_impact),
        (error_interval, reference.error_interval),
    ],
)
@pytest.mark.parametrize("side_by_side", [strata.SIDE_BY_SIDE, 0])
def test_cost_of_errors(
    both: tuple[History, Prepared],
    analysis: Callable[[History], Any],
    plain: Callable[[Prepared], dict[str, dict[str, Any]]],
    side_by_side: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(strata, "SIDE_BY_SIDE", side_by_side)
    history, of_reports = both
    found = analysis(history).set_index("fingerprint")
    expected = plain(of_reports)
    assert set(found.index) == set(expected)
    for fingerprint, sums in expected.items():
        row = found.loc[fingerprint]
        for name in ("installs", "visits", "unmatched", "left"):
            assert row[name] == sums[name], name
        if sums["visits"] == sums["unmatched"]:
            assert math.isnan(row["excess"])
            continue
        assert row["excess"] == pytest.approx(sums["excess"])
        assert row["expected"] == pytest.approx(sums["expected"])
        reach = Z95 * math.sqrt(sums["variance"])
        assert row["ci_high"] - row["excess"] == pytest.approx(reach)
        assert row["excess"] - row["ci_low"] == pytest.approx(reach)


def test_only_what_can_be_judged_is_corrected_for() -> None:
    sums = pd.DataFrame(
        {
            "fingerprint": ["a", "b", "c", "d"],
            "type": "E",
            "where": "m:f",
            "installs": 40,
            "visits": [40, 40, 3, 0],
            "unmatched": [0, 0, 3, 0],
            "left": [30, 21, 0, 0],
            "expected": [20.0, 20.0, None, None],
            "variance": [16.0, 16.0, None, None],
        }
    )
    found = with_interval(sums).set_index("fingerprint")["q_value"]
    # z = 2.5 and 0.25, two tests: the smaller p-value counts double.
    assert found[["a", "b"]].tolist() == pytest.approx(
        [2 * 2 * norm.sf(2.5), 2 * norm.sf(0.25)], rel=1e-12
    )
    assert found[["c", "d"]].isna().all()


def test_a_single_visit_proves_nothing() -> None:
    reports = [
        {**_run(install, day), "id": f"{install:016x}{day:016x}"}
        for install in range(40)
        for day in (0, 1)
    ]
    fingerprint, kind, where = ERRORS[0]
    met = {"error": {"fingerprint": fingerprint, "type": kind, "where": where}, "kind": "error"}
    reports.append({**_run(99, 0), **met, "id": "f" * 32})
    as_of = FIRST + timedelta(days=60)
    with history_of(reports, as_of, as_of) as history:
        found = error_interval(history)
    assert found.loc[0, ["visits", "left", "expected", "excess"]].tolist() == [1, 1, 0, 1]
    assert found.loc[0, "q_value"] == pytest.approx(2 * norm.sf(1 / math.sqrt(0.4 - 0.4**2)))
    assert proven(found).tolist() == [False]
    assert proven(found.assign(visits=5)).tolist() == [True]


def _run(install: int, day: int) -> dict[str, Any]:
    base = {"app": "tool", "install": f"{install:032x}", "ci": False, "dropped": 0}
    return {**base, "time": ms(FIRST + timedelta(days=day)), "kind": "run", "metrics": {}}
