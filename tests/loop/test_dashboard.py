"""In a browser, every page shows what the runs in the homes really did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.loop.cells import Cells, written
from tests.loop.conftest import Loop
from tests.loop.page import Page
from tests.loop.tables import COLUMNS, METRIC_COLUMNS, Row, Tables, system

PAGES = {
    "": ["active_installs", "error_interval"],
    "adoption": [
        *("active_installs", "lifecycle", "new_installs", "retention", "stickiness"),
        "version_adoption",
    ],
    "platforms": [
        *("metric_output", "metric_package_version", "metric_py_version", "metric_timezone"),
        *("os_families", "os_spread"),
    ],
    "solutions": ["deployments_by_operation", "solution_deployments", "solution_quality"],
    "one-time": ["one_time"],
    "errors": ["error_interval"],
}
"""The tables of each page on the first day: nobody can be known to have left."""

HIDDEN = {"error_interval": ("fingerprint", "sentry_url")}
"""Columns that a table shows nobody, but has in its file."""


@pytest.fixture(scope="module")
def files(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return loop.export(tmp_path_factory.mktemp("csv"))


def on_pages(tables: Tables) -> dict[str, tuple[str, list[Row]]]:
    """Columns and rows of every table that is on a page, whether it is exported or not."""
    rows = tables.all()
    found = {name: (COLUMNS.get(name, METRIC_COLUMNS), rows[name]) for name in rows}
    found["os_families"] = ("os,installs,share", tables.metric("os"))
    found["deployments_by_operation"] = (
        COLUMNS["solution_deployments"].removeprefix("week,"),
        [row[1:] for row in rows["solution_deployments"]],  # all in one week
    )
    return found


def shown(name: str, columns: str, rows: list[tuple[Any, ...]]) -> tuple[int, Cells]:
    """The visible columns: how many, and their cells as `read` gives them."""
    names = columns.split(",")
    visible = [place for place, column in enumerate(names) if column not in HIDDEN.get(name, ())]
    cells = [tuple(row[place] for place in visible) for row in rows]
    return len(visible), written(",".join(names[place] for place in visible), cells)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_holds_what_the_runs_did(
    loop: Loop, address: str, page: Page, files: Path, path: str
) -> None:
    page.open(f"{address}/{path}?app=logtally")
    assert page.wrong() == []
    assert sorted(page.blocks()) == PAGES[path]
    wanted = on_pages(loop.default_tables())
    for name in sorted(set(page.blocks()) & set(wanted)):
        columns, rows = wanted[name]
        titles, cells = page.table(name)
        # A day is written with its midnight, a month as its first day, nothing as nothing.
        ending = "-01" if name == "one_time" else " 00:00:00"
        seen = [tuple(cell.removesuffix(ending) or None for cell in row) for row in cells]
        header = ",".join(c for c in columns.split(",") if c not in HIDDEN.get(name, ()))
        assert (len(titles), written(header, seen)) == shown(name, columns, rows), name
    for name in page.blocks():
        file = files / f"{name}.csv"
        if file.exists():
            assert page.download(name) == file.read_bytes(), name
    assert page.faults == []


def test_the_tiles_say_what_the_runs_did(loop: Loop, address: str, page: Page) -> None:
    tables = loop.default_tables()
    met = sum(any(run.error for run in one.household.runs) for one in tables.lived)
    page.open(f"{address}/?app=logtally")
    assert page.tiles() == {
        "New installs": str(tables.n),
        "Active in 30 days": str(tables.n),
        "Came once": "too early to tell",
        "Error-free visits": f"{100 * (tables.n - met) / tables.n:.0f}\N{NO-BREAK SPACE}%",
        "Users lost to errors": "too early to tell",
    }


def test_the_findings_say_what_the_runs_did(loop: Loop, address: str, page: Page) -> None:
    tables = loop.default_tables()
    leading, installs = max(tables.metric("package_version"), key=lambda row: row[1])[:2]
    part = f"{100 * installs / tables.n:.0f}\N{NO-BREAK SPACE}% of {tables.n}"
    page.open(f"{address}/adoption?app=logtally")
    assert page.finding("active_installs") == f"{tables.n} installs were active in the last 30 days"
    assert page.finding("version_adoption") == (
        f"Version {leading} leads, with {part} active installs"
    )


def test_what_is_chosen_stands_in_the_address_on_every_page(
    loop: Loop, address: str, page: Page
) -> None:
    counts = {version: n for version, n, _ in loop.default_tables().metric("package_version")}
    page.open(f"{address}/?app=logtally")
    page.choose("Version", "1.1.0")
    assert page.tiles()["New installs"] == str(counts["1.1.0"])
    page.go("Platforms")
    assert "version=1.1.0" in page.tab.url
    assert page.table("os_families")[1] == [(system()[0], str(counts["1.1.0"]), "1")]
    # A colleague who follows the link sees the same.
    page.open(page.tab.url)
    assert page.table("os_families")[1] == [(system()[0], str(counts["1.1.0"]), "1")]
    assert page.faults == []


def test_a_filter_in_the_address_chooses_the_installs(loop: Loop, address: str, page: Page) -> None:
    counts = {version: n for version, n, _ in loop.default_tables().metric("package_version")}
    page.open(f"{address}/platforms?app=logtally&version=1.1.0")
    assert page.table("os_families")[1] == [(system()[0], str(counts["1.1.0"]), "1")]
