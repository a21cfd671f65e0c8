"""The pages in a browser, on the demo as ``make run`` serves it: from a click to what it shows.

Each figure is the median of `REPEATS`, in Chromium. The yardstick of opening is a bare page of
Streamlit's with one small chart, opened in turns with ours. `BENCH_PAGE_WAREHOUSE` names a
warehouse that `BENCH_ANALYSIS_FOLDER` keeps: a copy of it is then measured too, each time as after
new reports, so that nothing was worked out before.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from playwright.sync_api import Page, sync_playwright

from dashboard.warehouse import Warehouse
from demo.parts import HOST, Part, Parts
from demo.run import LOCAL, ROOT, python, read
from ingest.store import Store

REPEATS = 5
ROUNDS = 3
"""Of those, of a large warehouse."""

SETTLES = 1.5
"""Seconds that a new window of Chromium's is left alone: it loads pages of its own, for its address
bar, which nobody waits for who has a window open."""

DATABASE, SERVER, BARE = 9400, 8599, 8598
INSTALLS, DAYS = 4000, 730
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
DRAWN = ".js-plotly-plot .main-svg"
RUNNING = '[data-testid="stApp"][data-test-script-state="running"]'
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
PAGES = ("Adoption", "Platforms", "Solutions", "One-time users", "Errors")


BARE_PAGE = """
import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")
st.plotly_chart(go.Figure(go.Scatter(y=[1, 3, 2])))
"""

Fill = Callable[[Parts, Warehouse, dict[str, str]], None]


@dataclass(frozen=True)
class Served:
    """A dashboard that answers, and a window for it."""

    warehouse: Warehouse
    new_tab: Callable[[], Page]
    url: str = f"http://{HOST}:{SERVER}"

    def open(self, url: str | None = None) -> tuple[Page, float]:
        """The page in a window of its own, and the seconds to its first chart."""
        tab = self.new_tab()
        tab.wait_for_timeout(1000 * SETTLES)
        started = time.perf_counter()
        tab.goto(url or self.url, wait_until="commit")
        _until(tab, DRAWN)
        return tab, time.perf_counter() - started

    def opening(self, url: str | None = None) -> float:
        """The seconds alone."""
        tab, took = self.open(url)
        tab.close()
        return took


def main() -> None:
    """Print the figures; about two minutes."""
    print(f"{'page':42} {'measured':>14}   budget")
    with _serving(_fill_with_demo) as demo:
        _measure_demo(demo)
    if kept := os.environ.get("BENCH_PAGE_WAREHOUSE"):
        with _serving(_copy_of(Path(kept))) as large:
            _measure_large(large, Path(kept).stem)


@contextmanager
def _serving(fill: Fill) -> Iterator[Served]:
    """Start database, dashboard and bare page, and a browser."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warehouse = Warehouse(folder / "warehouse.duckdb")
        settings = LOCAL | {
            "FIREBASE_DATABASE_EMULATOR_HOST": f"{HOST}:{DATABASE}",
            "WALD_WAREHOUSE": str(warehouse.path),
            "NO_PROXY": HOST,
            "no_proxy": HOST,
        }
        with Parts(folder / "logs", os.environ | settings, ROOT) as parts:
            _serve(parts, folder, lambda: fill(parts, warehouse, settings))
            with sync_playwright() as playwright:
                path = next(filter(None, map(shutil.which, CHROMIUM)), None)
                browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
                yield Served(
                    warehouse, lambda: browser.new_page(viewport={"width": 1400, "height": 900})
                )
                browser.close()


def _serve(parts: Parts, folder: Path, fill: Callable[[], None]) -> None:
    at = f"http://{HOST}"
    database = Part(
        "database",
        python("rtdb", "--host", HOST, "--port", str(DATABASE), "--data", str(folder / "rtdb")),
        DATABASE,
        lambda: read(f"{at}:{DATABASE}/.json?shallow=true&ns=wald") is not None,
    )
    (folder / "bare.py").write_text(BARE_PAGE)
    parts.start(database)
    parts.await_answer(database)
    fill()
    for page in (
        _streamlit("dashboard", "dashboard/app.py", SERVER),
        _streamlit("bare page", str(folder / "bare.py"), BARE),
    ):
        parts.start(page)
        parts.await_answer(page)
    parts.complete("first visit", python("dashboard.first_visit", f"{at}:{SERVER}"))


def _fill_with_demo(parts: Parts, warehouse: Warehouse, settings: dict[str, str]) -> None:
    size = ("--installs", str(INSTALLS), "--days", str(DAYS), "--seed", "1")
    parts.complete("demo", python("demo", *size))
    parts.complete("sync", python("dashboard", "sync"))


def _copy_of(kept: Path) -> Fill:
    """Take a copy as the warehouse of the database, which is empty: it has nothing new."""

    def fill(parts: Parts, warehouse: Warehouse, settings: dict[str, str]) -> None:
        shutil.copyfile(kept, warehouse.path)
        with duckdb.connect(warehouse.path) as connection:
            connection.execute("UPDATE about SET source = ?", [Store.connect(settings).source])
        warehouse.tell(version=time.time_ns(), synced_ms=time.time_ns() // 1_000_000)

    return fill


def _streamlit(name: str, script: str, port: int) -> Part:
    place = ("--server.address", HOST, "--server.port", str(port), "--server.headless", "true")
    return Part(
        name,
        python("streamlit", "run", script, *place),
        port,
        lambda: read(f"http://{HOST}:{port}/_stcore/health") is not None,
    )


def _measure_demo(demo: Served) -> None:
    bare = f"http://{HOST}:{BARE}"
    openings = [(demo.opening(), demo.opening(bare)) for _ in range(REPEATS)]
    _say("opening to first charts", [ours for ours, _ in openings], 2.5)
    alone = statistics.median([seconds for _, seconds in openings])
    print(f"{'  a bare page with one chart':42} {alone:12.2f} s")
    tab, _ = demo.open()
    for name in PAGES:
        _say(f"to {name}", [_to(tab, name) for _ in range(REPEATS)], 1.0)
    versions = [_choose(tab, "Version", place) for place in range(REPEATS)]
    _say("a filter on the overview", versions, 1.0)
    _to(tab, "Adoption")
    _say("a filter on Adoption", [_choose(tab, "OS", place) for place in range(2)], 1.0)
    tab.close()


def _measure_large(large: Served, name: str) -> None:
    openings: list[float] = []
    pages: dict[str, list[float]] = {page: [] for page in PAGES}
    filters: list[float] = []
    for place in range(ROUNDS):
        large.warehouse.tell(version=time.time_ns())
        tab, took = large.open()
        tab.wait_for_selector(IDLE)
        openings.append(took)
        for page in PAGES:
            pages[page].append(_to(tab, page))
        filters.append(_choose(tab, "Version", place))
        tab.close()
    _say(f"{name}: opening to first charts", openings, 4.0)
    for page, seconds in pages.items():
        _say(f"{name}: to {page}", seconds, 2.0)
    _say(f"{name}: a filter on the overview", filters, 2.0)


def _to(tab: Page, name: str) -> float:
    """Go to a page by its link and, afterwards, back to the first one."""
    heading = tab.locator("h5").first.inner_text()
    started = time.perf_counter()
    tab.get_by_role("link", name=name, exact=True).click()
    tab.wait_for_function("old => document.querySelector('h5')?.innerText !== old", arg=heading)
    _until(tab, DRAWN)
    took = time.perf_counter() - started
    tab.wait_for_selector(IDLE)
    if name != "Overview":
        _to_overview(tab)
    return took


def _to_overview(tab: Page) -> None:
    tab.get_by_role("link", name="Overview", exact=True).click()
    tab.get_by_test_id("stMetric").first.wait_for()
    tab.wait_for_selector(IDLE)


def _choose(tab: Page, label: str, place: int) -> float:
    """Choose one more of a filter's values; until the charts show it."""
    tab.get_by_role("combobox", name=label).click()
    option = tab.get_by_role("option").nth(1)  # the first one chooses all
    option.wait_for()
    before = tab.locator("body").inner_text()
    started = time.perf_counter()
    option.click()
    _until(tab, RUNNING)
    _until(tab, IDLE)
    took = time.perf_counter() - started
    assert tab.locator("body").inner_text() != before, f"{label} {place} changed nothing"
    tab.keyboard.press("Escape")
    return took


def _until(tab: Page, selector: str) -> None:
    """Wait for an element, looked for in every frame: `wait_for_selector` looks twice a second."""
    tab.wait_for_function("wanted => document.querySelector(wanted)", arg=selector, polling="raf")


def _say(what: str, seconds: list[float], budget: float) -> None:
    print(f"{what:42} {statistics.median(seconds):12.2f} s   < {budget:g} s", flush=True)


if __name__ == "__main__":
    main()
