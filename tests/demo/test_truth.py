"""The observer's tables are what the reports say by the definitions."""

from __future__ import annotations

from functools import cache

import pytest

from demo.days import iso
from tests.demo.plain import Plain
from tests.demo.simulated import UNTIL, simulated

SIZES = [(50, 10, 1), (3, 40, 2), (300, 35, 3), (700, 200, 4), (600, 730, 5), (40, 1_100, 6)]
TABLES = (
    *("new_installs", "active_installs", "lifecycle", "retention", "version_adoption"),
    *("os_spread", "solution_deployments", "one_time", "left_after_error"),
)
METRICS = (
    *("os", "os_version", "py_version", "package_version", "timezone"),
    *("deployment_mode", "hosts"),
)


@cache
def plain(size: tuple[int, int, int]) -> Plain:
    return Plain(simulated(*size).reports, iso(UNTIL))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("table", TABLES)
def test_table_is_what_plain_pandas_finds(table: str, size: tuple[int, int, int]) -> None:
    found = simulated(*size).truth["tables"][table]
    assert found == getattr(plain(size), table)()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("identifier", METRICS)
def test_metric_is_what_plain_pandas_finds(identifier: str, size: tuple[int, int, int]) -> None:
    found = simulated(*size).truth["tables"][f"metric_{identifier}"]
    assert found == plain(size).metric(identifier)


@pytest.mark.parametrize("size", SIZES)
def test_counts_are_those_of_the_reports(size: tuple[int, int, int]) -> None:
    project = simulated(*size)
    ci = [report for report in project.reports if report["ci"]]
    assert project.truth["counts"] == {
        "installs": size[0] - len({report["install"] for report in ci}),
        "ci_installs": len({report["install"] for report in ci}),
        "reports": len(project.reports),
        "ci_reports": len(ci),
        "visits": len(plain(size).visits),
    }


def test_the_sizes_reach_every_case() -> None:
    tables = [simulated(*size).truth["tables"] for size in SIZES]
    assert any(row["too_early"] for table in tables for row in table["one_time"])
    assert any(row["resurrected"] for table in tables for row in table["lifecycle"])
    assert any(row["share"] is None for table in tables for row in table["one_time"])
    assert any(row["installs"] == 0 for table in tables for row in table["new_installs"])
    assert sum(len(table["left_after_error"]) for table in tables) > 20


def test_a_project_of_ci_alone_has_empty_tables() -> None:
    sizes = ((1, 1, seed) for seed in range(20))
    truths = [simulated(*size).truth for size in sizes]
    alone = next(truth for truth in truths if truth["counts"]["installs"] == 0)
    assert alone["tables"]["new_installs"] == []
    assert alone["tables"]["retention"] == []
