"""Words from outside mean nothing to the pages, nor to the spreadsheet that opens a file."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import browser
from tests.loop.page import Page, opened
from tests.loop.parts import dashboard, environment, python
from tests.rtdb.server import running

MEANT = "<b>B</b>**C**[D](//evil.example):red[E]$F^2$`G`"
"""HTML, Markdown, and what Streamlit adds to it."""

WORDS = {
    "operation": f"=1+1 {MEANT}",
    "solution": f"+1 s {MEANT} www.e.io",
    "package_version": f"-1 v {MEANT}",
    "os": f"@SUM(1) {MEANT}",
    "own": f"=HYPERLINK(1) {MEANT}<img src=//evil.example onerror=alert(1)> http://evil.example",
    "type": f"=T {MEANT}<script>alert(1)</script>",
    "where": f"-w:{MEANT}<script>alert(1)</script> a@e.io",
}
"""Each begins as a formula does."""

PAGES = {
    "": ("type",),
    "adoption": ("package_version",),
    "platforms": ("os", "own", "package_version"),
    "solutions": ("solution", "operation"),
    "one-time": ("package_version", "os"),
    "errors": ("type",),
    f"errors?error={'f' * 16}": ("type", "package_version"),
    "installs": (),
    f"installs?install={80:032x}": ("type",),
    "data": (),
}
"""The words that stand in the findings of each page."""


def reports() -> Iterator[dict[str, Any]]:
    """Of 80 installs that stay and 40 that meet the error at once and leave."""
    for install in range(120):
        for place, days_ago in enumerate((70.0, 50.0, 25.0, 2.0) if install < 80 else (70.0,)):
            yield report(install, 2 * place, days_ago, kind="run", outcome="error")
            if install >= 80:
                error = {name: WORDS[name] for name in ("type", "where")}
                error["fingerprint"] = "f" * 16
                yield report(install, 2 * place + 1, days_ago, kind="error", error=error)


def report(install: int, number: int, days_ago: float, **fields: Any) -> dict[str, Any]:
    return {
        "id": hashlib.md5(f"{install} {number}".encode()).hexdigest(),
        "app": "tool",
        "install": f"{install:032x}",
        "time": int((time.time() - days_ago * 86_400) * 1000) + number,
        "metrics": {name: WORDS[name] for name in ("package_version", "os", "own")},
        "operation": WORDS["operation"],
        "solution": WORDS["solution"],
        "ci": False,
        "dropped": 0,
        **fields,
    }


@dataclass(frozen=True)
class Shown:
    """A dashboard of these reports, open in a browser, and its exported files."""

    address: str
    page: Page
    files: Path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("hostile")
    with running(folder / "rtdb") as server:
        env = environment(
            FIREBASE_DATABASE_EMULATOR_HOST=f"{server.host}:{server.port}",
            WALD_WAREHOUSE=str(folder / "warehouse.duckdb"),
        )
        lines = "\n".join(json.dumps(report) for report in reports()).encode()
        done = python("-m", "ingest", "import", "-", env=env, stdin=lines)
        assert done.stdout == "stored 400, refused 0\n"
        assert python("-m", "dashboard", "sync", env=env).returncode == 0
        done = python("-m", "dashboard", "export", "--out", str(folder / "csv"), env=env)
        assert done.returncode == 0
        with (
            dashboard(folder / "log", env) as address,
            browser.launched() as chromium,
            opened(chromium) as page,
        ):
            yield Shown(address, page, folder / "csv")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_shows_them_as_they_are(shown: Shown, path: str) -> None:
    page = shown.page
    page.open(f"{shown.address}/{path}{'&' if '?' in path else '?'}period=all+time")
    page.tab.wait_for_timeout(500)  # charts are drawn last
    findings = " ".join(page.tab.locator("h2, h5, p").all_inner_texts()).replace("\u2060", "")
    for name in PAGES[path]:
        assert WORDS[name] in findings, name
    for meaning in (
        *(
            'a[href*="//evil"]',
            'a[href*="www.e.io"]',
            'a[href^="mailto:"]',
            '[src*="//evil"]',
            "[onerror]",
            "svg a",
        ),
        *(".katex", 'b:text-is("B")', 'strong:text-is("C")', 'a:text-is("D")'),
        *('code:text-is("G")', 'span:text-is("E")', 'tspan:text-is("B")'),
    ):
        found = page.tab.locator(meaning).evaluate_all("all => all.map(e => e.outerHTML)")
        assert found == [], meaning
    assert page.wrong() == []
    assert page.faults == []


def test_no_cell_is_a_formula(shown: Shown) -> None:
    cells: list[str] = []
    for path in shown.files.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            cells += [cell for row in csv.reader(file) for cell in row]
    numbers = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
    formulas = [c for c in cells if re.match(r"\s*[=+\-@]", c) and not numbers.fullmatch(c)]
    assert formulas == []
    # They are all there, as text.
    assert {f"'{word}" for word in WORDS.values()} <= set(cells)


def test_a_downloaded_file_is_as_safe(shown: Shown) -> None:
    shown.page.open(f"{shown.address}/solutions?period=all+time")
    name = "solution_deployments"
    assert shown.page.download(name) == (shown.files / f"{name}.csv").read_bytes()
