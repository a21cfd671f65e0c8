"""Each analysis gives what a plain pandas computation of its definition gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from dashboard.analysis.errors import error_impact
from dashboard.analysis.history import History
from dashboard.analysis.installs import active_installs, new_installs
from dashboard.analysis.leavers import left_after_error
from dashboard.analysis.lifecycle import lifecycle
from dashboard.analysis.one_time import one_time
from dashboard.analysis.platforms import identifiers, metric_values, os_spread, version_adoption
from dashboard.analysis.proportion import Z95
from dashboard.analysis.retention import retention
from dashboard.analysis.solutions import solution_deployments
from tests.dashboard import reference
from tests.dashboard.histories import FIRST, history_of, random_reports
from tests.dashboard.reference import Prepared, prepared
from tests.dashboard.rows import rows_of, same

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


def test_ci_counts_where_asked_for() -> None:
    reports = random_reports(6, installs=60, days=90)
    for report in reports[::5]:
        report["ci"] = True  # so that some installs run both in a CI service and elsewhere
    as_of = FIRST + timedelta(days=89)
    with history_of(reports, as_of, as_of, ci=True) as history:
        of_reports = prepared(reports, as_of, as_of, ci=True)
        same(rows_of(active_installs(history)), reference.active_installs(of_reports))
        same(rows_of(retention(history)), reference.retention(of_reports))
        same(rows_of(version_adoption(history)), reference.version_adoption(of_reports))
    with history_of(reports, as_of, as_of) as history:
        of_reports = prepared(reports, as_of, as_of)
        same(rows_of(active_installs(history)), reference.active_installs(of_reports))


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
    same(rows_of(analysis(history)), plain(of_reports))


def test_os_spread_is_of_a_period(both: tuple[History, Prepared]) -> None:
    history, of_reports = both
    since, until = FIRST + timedelta(days=20), FIRST + timedelta(days=50)
    same(rows_of(os_spread(history)), reference.os_spread(of_reports, date.min, date.max))
    shown = rows_of(os_spread(history.within(since, until)))
    same(shown, reference.os_spread(of_reports, since, until))


def test_metric_values(both: tuple[History, Prepared]) -> None:
    history, of_reports = both
    names = [name for (name,) in rows_of(identifiers(history))]
    assert names == sorted({name for m in of_reports.visits["metrics"] for name in m})
    for name in names:
        plain = reference.metric_values(of_reports, name)
        same(rows_of(metric_values(history, name)), [(str(v), n, s) for v, n, s in plain])


def test_left_after_error(both: tuple[History, Prepared]) -> None:
    history, of_reports = both
    found = left_after_error(history).drop("sentry_event").mutate(version=_known("version"))
    same(rows_of(found), reference.left_after_error(of_reports))


def _known(column: str) -> Any:
    from ibis import _

    return _[column].fill_null("unknown")


def test_error_impact(both: tuple[History, Prepared]) -> None:
    history, of_reports = both
    found = error_impact(history).set_index("fingerprint")
    expected = reference.error_impact(of_reports)
    assert set(found.index) == set(expected)
    for fingerprint, plain in expected.items():
        row = found.loc[fingerprint]
        for name in ("installs", "visits", "unmatched", "left"):
            assert row[name] == plain[name], name
        if plain["visits"] == plain["unmatched"]:
            assert math.isnan(row["excess"])
            continue
        assert row["excess"] == pytest.approx(plain["excess"])
        assert row["expected"] == pytest.approx(plain["expected"])
        reach = Z95 * math.sqrt(plain["variance"])
        assert row["ci_high"] - row["excess"] == pytest.approx(reach)
        assert row["excess"] - row["ci_low"] == pytest.approx(reach)
