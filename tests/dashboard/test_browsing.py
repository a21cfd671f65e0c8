"""In a browser: every filter and its address, links that keep it, live refresh, and the look."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from tests import browser
from tests.looks import take_pictures
from tests.loop.page import Page, opened
from tests.loop.parts import dashboard, environment, python
from tests.patience import until
from tests.rtdb.server import running

GROUPS = (
    # days ago, installs, package_version, os, solution, mode, ci
    (5, 6, "2.0", "Linux", "nginx", "fast", False),
    (5, 5, "2.0", "Linux", "nginx", "slow", False),
    (5, 4, "2.0", "Linux", "sshd", "fast", False),
    (5, 3, "2.0", "macOS", "nginx", "fast", False),
    (5, 2, "1.0", "Linux", "nginx", "fast", False),
    (5, 1, "2.0", "Linux", "nginx", "fast", True),
    (45, 7, "1.0", "Linux", "nginx", "fast", False),
    (120, 3, "1.0", "Linux", "nginx", "fast", False),
    (200, 8, "1.0", "Linux", "nginx", "fast", False),
    (500, 9, "1.0", "Linux", "nginx", "fast", False),
)
"""Installs of the app `tool`, each with one run; 12 more of the app `other` ran 5 days ago."""


@dataclass(frozen=True)
class Shown:
    """A dashboard of these, open in a browser."""

    address: str
    env: Mapping[str, str]
    chromium: Browser
    page: Page


def run(days_ago: float, app: str = "tool", **fields: object) -> str:
    """A report of an install of its own, as a line."""
    install = os.urandom(16).hex()
    when = int((time.time() - days_ago * 86_400) * 1000)
    base = {"id": install, "app": app, "install": install, "time": when, "kind": "run"}
    base |= {"ci": False, "dropped": 0, "metrics": {}}
    return json.dumps({**base, **fields}) + "\n"


def reports() -> Iterator[str]:
    for days_ago, installs, version, system, solution, mode, ci in GROUPS:
        metrics = {"package_version": version, "os": system, "mode": mode}
        for _ in range(installs):
            yield run(days_ago, operation="install", solution=solution, metrics=metrics, ci=ci)
    for _ in range(12):
        yield run(5, app="other")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("browsing")
    with running(folder / "rtdb") as server:
        env = environment(
            FIREBASE_DATABASE_EMULATOR_HOST=f"{server.host}:{server.port}",
            WALD_WAREHOUSE=str(folder / "warehouse.duckdb"),
            WALD_REFRESH="1",
            SENTRY_URL="https://sentry.invalid",
            SENTRY_ORG="org",
            SENTRY_PROJECT="1",
        )
        demo = ("-m", "demo", "--installs", "400", "--days", "300", "--seed", "7", "--out")
        assert python(*demo, str(folder / "demo"), env=env).returncode == 0
        simulated = (folder / "demo").read_bytes()
        done = python(
            *("-m", "ingest", "import", "-"), env=env, stdin="".join(reports()).encode() + simulated
        )
        assert done.stdout.endswith(", refused 0\n")
        assert python("-m", "dashboard", "sync", env=env).returncode == 0
        with (
            dashboard(folder / "log", env) as address,
            browser.launched() as chromium,
            opened(chromium) as page,
        ):
            yield Shown(address, env, chromium, page)
        assert "Traceback" not in (folder / "log").read_text()


def new_installs(page: Page) -> str:
    """Its tile, in one line: label, number and change."""
    tile = page.tab.get_by_test_id("stMetric").filter(has_text="New installs")
    return " ".join(tile.inner_text().split())


def same_elsewhere(shown: Shown, address: str, said: str) -> None:
    """A colleague who opens the address, in a browser that never saw the page, reads the same."""
    context = shown.chromium.new_context()
    with opened(context) as page:
        page.open(address)
        assert new_installs(page) == said
    context.close()


def test_every_filter_narrows_what_is_shown_and_stands_in_the_address(shown: Shown) -> None:
    page = shown.page
    page.open(f"{shown.address}/")
    page.choose("App", "tool")
    assert new_installs(page) == "New installs 27 800 % from 3"
    for period, said in (
        ("all time", "New installs 47"),
        ("last 12 months", "New installs 38"),
        ("last 30 days", "New installs 20 186 % from 7"),
    ):
        page.choose("Period", period)
        assert new_installs(page) == said
    page.switch("vs. before", "compare=false")
    assert new_installs(page) == "New installs 20"
    page.choose("Version", "2.0")
    assert new_installs(page) == "New installs 18"
    page.choose("OS", "Linux")
    assert new_installs(page) == "New installs 15"
    page.choose("Solution", "nginx")
    assert new_installs(page) == "New installs 11"
    page.tab.get_by_role("button", name="More").click()
    page.choose("mode", "fast")
    assert new_installs(page) == "New installs 6"
    page.open(page.tab.url)
    page.tab.get_by_role("button", name="More").click()
    page.switch("Runs by CI services", "ci=true")
    assert new_installs(page) == "New installs 7"
    page.tab.keyboard.press("Escape")

    chosen = page.tab.url.partition("?")[2]
    assert sorted(chosen.split("&")) == [
        *("app=tool", "ci=true", "compare=false", "metric_mode=fast", "os=Linux"),
        *("period=last+30+days", "solution=nginx", "version=2.0"),
    ]
    same_elsewhere(shown, page.tab.url, "New installs 7")
    # A tile and the bar of pages lead on with all of it.
    page.go("How they come")
    assert page.finding("new_installs").startswith("7 new installs, most on ")
    page.go("Overview")
    assert sorted(page.tab.url.partition("?")[2].split("&")) == sorted(chosen.split("&"))
    assert new_installs(page) == "New installs 7"
    assert page.wrong() == []
    assert page.faults == []


def test_own_days_stand_in_the_address(shown: Shown) -> None:
    page = shown.page
    page.open(f"{shown.address}/?app=tool")
    page.choose("Period", "own days")
    assert new_installs(page).startswith("New installs 20 ")  # the last four weeks
    since, until = (datetime.now(UTC).date() - timedelta(days=ago) for ago in (50, 40))
    link = f"{shown.address}/?app=tool&period=own+days&days={since}&days={until}&compare=false"
    page.open(link)
    assert new_installs(page) == "New installs 7"
    assert page.finding("active_installs").startswith("7 installs were active in the 30 days up")
    assert page.faults == []


def test_a_new_report_comes_into_an_open_page(shown: Shown) -> None:
    page = shown.page
    page.open(f"{shown.address}/data?app=other")
    page.tab.set_viewport_size({"width": 1400, "height": 700})
    assert page.tiles()["Reports of this app"] == "12"
    place = "document.querySelector('[data-testid=stMain]').scrollTop"
    page.tab.evaluate(f"() => {{ {place} = 400; window.unchanged = true }}")
    before = page.tab.url
    stored = python(
        *("-m", "ingest", "import", "-"), env=shown.env, stdin=run(0.01, app="other").encode()
    )
    assert stored.stdout == "stored 1, refused 0\n"
    page.tab.get_by_test_id("stMetricValue").get_by_text("13", exact=True).wait_for()
    page.settled()
    assert page.tab.evaluate("window.unchanged") is True
    assert page.tab.evaluate(place) == 400
    assert page.tab.url == before
    assert page.faults == []


def test_a_newcomer_finds_the_answers_on_the_front_page(shown: Shown) -> None:
    """How many new users last month, which version they run, which error cost most: no click.
    Its Sentry link: one."""
    page = shown.page
    page.tab.set_viewport_size({"width": 1400, "height": 1000})
    page.open(f"{shown.address}/?app=bastion")
    front = page.tab.get_by_test_id("stMain")
    came, version = (
        front.get_by_role("link").filter(has_text=words)
        for words in ("in the last 30 days", "Most used version: ")
    )
    cost = page.block("error_interval").locator("h5")
    sentry = front.get_by_role("link", name="Open it in Sentry")
    for answer in (came, version, cost, sentry):
        expect(answer).to_be_in_viewport(ratio=1)
    said = [answer.inner_text().split("\n")[0] for answer in (came, version, cost)]
    page.tab.context.route("https://sentry.invalid/**", lambda route: route.fulfill(body="issue"))
    with page.tab.expect_popup() as waiting:
        sentry.click()
    issue = waiting.value.url
    waiting.value.close()

    worst = next(csv.DictReader(io.StringIO(page.download("error_interval").decode())))
    where = ".".join(worst["where"].replace(":", ".").split(".")[-2:])
    assert said[2].startswith(f"{worst['type']} in {where} cost you about ")
    assert issue == worst["sentry_url"]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    days = f"period=own+days&days={yesterday - timedelta(days=29)}&days={yesterday}"
    page.open(f"{shown.address}/adoption?app=bastion&{days}")
    new = csv.DictReader(io.StringIO(page.download("new_installs").decode()))
    assert said[0] == f"{sum(int(day['installs']) for day in new)} in the last 30 days"
    days = f"period=own+days&days={yesterday - timedelta(days=6)}&days={yesterday}"
    page.open(f"{shown.address}/platforms?app=bastion&{days}")
    ran = csv.DictReader(io.StringIO(page.download("metric_package_version").decode()))
    assert (
        said[1] == f"Most used version: {max(ran, key=lambda row: int(row['installs']))['value']}"
    )
    assert page.faults == []


@pytest.mark.parametrize(
    "path",
    ["", "adoption", "platforms", "solutions", "one-time", "errors", "error", "installs", "data"],
)
def test_a_page_fits_every_screen(shown: Shown, path: str) -> None:
    page = shown.page
    page.tab.set_viewport_size({"width": 1400, "height": 900})
    page.open(f"{shown.address}/{path.replace('error', 'errors', path == 'error')}?app=bastion")
    if path == "error":
        page.tab.get_by_role("combobox", name="Look at one error").click()
        page.tab.keyboard.press("Enter")
        page.tab.get_by_role("button", name="All errors").wait_for()
        page.settled()
    take_pictures(page.tab, path or "overview")
    page.tab.set_viewport_size({"width": 380, "height": 900})
    # Charts are drawn anew, which takes a while.
    assert until(lambda: not page.tab.evaluate(_BEYOND)), page.tab.evaluate(_BEYOND)
    assert page.wrong() == []
    assert page.faults == []


_BEYOND = """() => [...document.querySelectorAll('[data-testid=stMain] *')].filter(
    e => e.getBoundingClientRect().width && e.getBoundingClientRect().right > innerWidth + 1
        && !e.closest('.st-key-filters, [data-testid=stDataFrame]')
).map(e => e.outerHTML.slice(0, 80))"""
"""What reaches beyond the screen; the filters and tables scroll in themselves."""
