"""The demo's reports are ones that a real tool could have sent."""

from __future__ import annotations

import re
from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, cast

import pytest

from demo.days import DAY_MS
from tests.demo.simulated import UNTIL, simulated
from wald import report as contract

if TYPE_CHECKING:
    from wald.report import Report

REQUIRED = {"id", "app", "install", "time", "kind", "metrics", "ci", "dropped"}
OPTIONAL = {"operation", "solution", "outcome", "duration_ms", "error"}
SIZES = [(1, 1), (3, 2), (50, 10), (400, 400), (2_000, 730)]


@pytest.mark.parametrize(("installs", "days"), SIZES)
def test_reports_keep_to_the_contract(installs: int, days: int) -> None:
    reports = simulated(installs, days, 1).reports
    for report in reports:
        check(report)
    assert len({report["id"] for report in reports}) == len(reports)


def check(report: Report) -> None:
    assert set(report) >= REQUIRED
    assert set(report) <= REQUIRED | OPTIONAL
    assert None not in cast("dict[str, object]", report).values()
    assert re.match(contract.ID_PATTERN, report["id"])
    assert re.match(contract.ID_PATTERN, report["install"])
    assert re.match(contract.APP_PATTERN, report["app"])
    assert report["kind"] in ("run", "error")
    assert report["outcome"] in ("ok", "error", "cancelled") if "outcome" in report else True
    for text in (report.get("operation", "x"), report.get("solution", "x")):
        assert 0 < len(text) <= contract.MAX_TEXT
    for number in (report["time"], report["dropped"], report.get("duration_ms", 0)):
        assert type(number) is int
        assert 0 <= number <= contract.MAX_NUMBER
    assert type(report["ci"]) is bool
    check_metrics(report)
    check_error(report)


def check_metrics(report: Report) -> None:
    built_in = {"os", "os_version", "py_version", "package_version", "timezone"}
    assert built_in <= set(report["metrics"])
    assert len(report["metrics"]) <= contract.MAX_METRICS
    for identifier, value in report["metrics"].items():
        assert re.match(contract.IDENTIFIER_PATTERN, identifier)
        assert not isinstance(value, str) or 0 < len(value) <= contract.MAX_METRIC_TEXT


def check_error(report: Report) -> None:
    assert ("error" in report) == (report["kind"] == "error")
    if "error" in report:
        error = report["error"]
        named = f"{error['type']}\n{error['where']}".encode()
        assert error["fingerprint"] == sha256(named).hexdigest()[:16]
        assert re.match(contract.FINGERPRINT_PATTERN, error["fingerprint"])
        assert re.match(contract.ID_PATTERN, error["sentry_event"])
        assert len(error["type"]) <= contract.MAX_ERROR_TEXT
        assert re.fullmatch(r"[\w.]+:\w+", error["where"])


@pytest.mark.parametrize(("installs", "days"), SIZES)
def test_as_many_installs_as_asked_within_the_days(installs: int, days: int) -> None:
    found = simulated(installs, days, 2).reports
    assert len({report["install"] for report in found}) == installs
    times = [report["time"] for report in found]
    assert times == sorted(times)
    assert (UNTIL - days + 1) * DAY_MS <= times[0]
    assert times[-1] < (UNTIL + 1) * DAY_MS


def test_a_crash_is_a_failed_run_and_an_error_report_within_milliseconds() -> None:
    reports = simulated(2_000, 730, 1).reports
    failed: dict[str, list[Report]] = {}
    for report in reports:
        if report.get("outcome") == "error":
            failed.setdefault(report["install"], []).append(report)
    crashes = [report for report in reports if report["kind"] == "error"]
    assert len(crashes) > 100
    for crash in crashes:
        assert any(
            0 <= crash["time"] - run["time"] < 10
            and run["operation"] == crash["operation"]
            and run["metrics"] == crash["metrics"]
            for run in failed[crash["install"]]
        )


def test_ci_installs_mostly_run_once() -> None:
    runs = Counter(r["install"] for r in simulated(2_000, 730, 1).reports if r["ci"])
    assert 0.15 < len(runs) / 2_000 < 0.3
    assert sum(count == 1 for count in runs.values()) / len(runs) > 0.9


def test_weeks_have_a_rhythm_and_the_project_grows() -> None:
    days = Counter(visit.day for visit in simulated(2_000, 730, 1).visits)
    weekend = sum(n for day, n in days.items() if (day + 3) % 7 >= 5) / 2
    working = sum(n for day, n in days.items() if (day + 3) % 7 < 5) / 5
    assert weekend < 0.6 * working
    first = sum(n for day, n in days.items() if day <= UNTIL - 365)
    assert first < 0.5 * days.total()


def test_another_seed_or_size_shares_no_id() -> None:
    ids = [
        {report["id"] for report in simulated(*of).reports}
        for of in ((50, 10, 1), (50, 10, 2), (50, 11, 1), (50, 10, 1, UNTIL - 1))
    ]
    assert len(set.union(*ids)) == sum(map(len, ids))
