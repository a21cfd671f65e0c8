"""The pages in a browser, on the demo as ``make run`` serves it: from a click to what it shows.

Each figure is the median of `REPEATS`, in Chromium. The yardstick of opening is a bare page of
Streamlit's with one small chart, opened in turns with ours.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from demo.parts import HOST, Part, Parts
from demo.run import LOCAL, ROOT, python, read

REPEATS = 5
DATABASE, SERVER, BARE = 9400, 8599, 8598
INSTALLS, DAYS = 4000, 730
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
DRAWN = ".js-plotly-plot .main-svg"
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


BARE_PAGE = """
import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")
st.plotly_chart(go.Figure(go.Scatter(y=[1, 3, 2])))
"""


def main() -> None:
    """Print the figures; about two minutes."""
    print(f"{'page':42} {'measured':>14}   budget")
    with tempfile.TemporaryDirectory() as folder:
        settings = LOCAL | {
            "FIREBASE_DATABASE_EMULATOR_HOST": f"{HOST}:{DATABASE}",
            "WALD_WAREHOUSE": f"{folder}/warehouse.duckdb",
            "NO_PROXY": HOST,
            "no_proxy": HOST,
        }
        with Parts(Path(folder) / "logs", os.environ | settings, ROOT) as parts:
            url = _serve(parts, Path(folder))
            with sync_playwright() as playwright:
                path = next(filter(None, map(shutil.which, CHROMIUM)), None)
                browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
                _measure(browser.new_page, url)
                browser.close()


def _serve(parts: Parts, folder: Path) -> str:
    """Start database and dashboard with the demo project; gives the dashboard's address."""
    at = f"http://{HOST}"
    database = Part(
        "database",
        python("rtdb", "--host", HOST, "--port", str(DATABASE), "--data", str(folder / "rtdb")),
        DATABASE,
        lambda: read(f"{at}:{DATABASE}/.json?shallow=true&ns=wald") is not None,
    )
    (folder / "bare.py").write_text(BARE_PAGE)
    server = _streamlit("dashboard", "dashboard/app.py", SERVER)
    bare = _streamlit("bare page", str(folder / "bare.py"), BARE)
    parts.start(database)
    parts.await_answer(database)
    size = ("--installs", str(INSTALLS), "--days", str(DAYS), "--seed", "1")
    parts.complete("demo", python("demo", *size))
    parts.complete("sync", python("dashboard", "sync"))
    for page in (server, bare):
        parts.start(page)
        parts.await_answer(page)
    parts.complete("first visit", python("dashboard.first_visit", f"{at}:{SERVER}"))
    return f"{at}:{SERVER}"


def _streamlit(name: str, script: str, port: int) -> Part:
    place = ("--server.address", HOST, "--server.port", str(port), "--server.headless", "true")
    return Part(
        name,
        python("streamlit", "run", script, *place),
        port,
        lambda: read(f"http://{HOST}:{port}/_stcore/health") is not None,
    )


def _measure(new_tab: Callable[..., Page], url: str) -> None:
    def opened(url: str = url) -> Page:
        tab = new_tab(viewport={"width": 1400, "height": 900})
        tab.goto(url)
        tab.wait_for_selector(DRAWN)
        return tab

    def open_and_close(url: str) -> float:
        started = time.perf_counter()
        opened(url).close()
        return time.perf_counter() - started

    bare = f"http://{HOST}:{BARE}"
    openings = [(open_and_close(url), open_and_close(bare)) for _ in range(REPEATS)]
    _say("opening to first charts", [ours for ours, _ in openings], 2.5)
    print(
        f"{'  a bare page with one chart':42} {statistics.median([b for _, b in openings]):12.2f} s"
    )
    tab = opened()
    for name in ("Adoption", "Platforms", "Solutions", "One-time users", "Errors"):
        _say(f"to {name}", [_to(tab, name) for _ in range(REPEATS)], 1.0)
    versions = [_choose(tab, "Version", place) for place in range(REPEATS)]
    _say("a filter on the overview", versions, 1.0)
    _to(tab, "Adoption")
    _say("a filter on Adoption", [_choose(tab, "OS", place) for place in range(2)], 1.0)
    tab.close()


def _to(tab: Page, name: str) -> float:
    """Go to a page by its link and, afterwards, back to the first one."""
    heading = tab.locator("h5").first.inner_text()
    started = time.perf_counter()
    tab.get_by_role("link", name=name, exact=True).click()
    tab.wait_for_function("old => document.querySelector('h5')?.innerText !== old", arg=heading)
    tab.wait_for_selector(DRAWN)
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
    tab.wait_for_selector('[data-test-script-state="running"]', timeout=5_000)
    tab.wait_for_selector(IDLE)
    took = time.perf_counter() - started
    assert tab.locator("body").inner_text() != before, f"{label} {place} changed nothing"
    tab.keyboard.press("Escape")
    return took


def _say(what: str, seconds: list[float], budget: float) -> None:
    print(f"{what:42} {statistics.median(seconds):12.2f} s   < {budget:g} s", flush=True)


if __name__ == "__main__":
    main()
