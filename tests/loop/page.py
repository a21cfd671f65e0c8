"""A page of the dashboard as a person sees it in a browser."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Locator, expect
from playwright.sync_api import Page as Tab

PATIENCE = 90_000
"""Milliseconds for a page to come, on a machine that has other things to do."""

READY = (
    '[data-testid="stApp"][data-test-script-state="notRunning"]'
    '[data-test-connection-state="CONNECTED"]'
)
SOMETHING = '[data-testid="stDownloadButton"], [data-testid="stAlert"], h3'
"""A table, a sentence about what is wrong, or a heading."""


@dataclass(frozen=True)
class Page:
    """An open page."""

    tab: Tab
    faults: list[str]
    """Exceptions of scripts, errors in the console, and boxes that a script put up: there must be
    none."""

    def open(self, address: str) -> None:
        """Go to an address and wait until everything is there."""
        self.tab.goto(address)
        # Before its first run, a page is as ready as after it.
        self.tab.wait_for_selector(SOMETHING)
        self.settled()

    def settled(self) -> None:
        """Wait until nothing is worked out any more."""
        self.tab.wait_for_selector(READY)

    def go(self, link: str) -> None:
        """Follow a link of that name and wait until the other page is there."""
        before = self.tab.url.partition("?")[0]
        self.tab.get_by_role("link", name=link, exact=True).first.click()
        self.tab.wait_for_function("from => location.href.split('?')[0] !== from", arg=before)
        self.tab.wait_for_selector(READY)

    def choose(self, filter: str, value: str) -> None:
        """Choose one value of a filter and wait until the page shows it."""
        self.tab.get_by_role("combobox", name=filter).click()
        self.tab.get_by_role("option", name=value, exact=True).click()
        self.tab.wait_for_url(f"**{quote_plus(value)}**")
        self.tab.keyboard.press("Escape")
        self._begun()

    def switch(self, label: str, sign: str) -> None:
        """Flip a switch and wait until the page shows it.

        Args:
            sign: what then stands in the address.
        """
        self.tab.get_by_text(label, exact=True).click()
        self.tab.wait_for_url(f"**{sign}**")
        self._begun()

    def choose_row(self, name: str, row: int) -> None:
        """Choose a row of a block's table by the box before it."""
        # The grid is painted; what takes the clicks lies over the picture.
        grid = self.block(name).locator(".dvn-scroller").first
        grid.click(position={"x": 16, "y": 35 + 35 * row + 17})

    def tiles(self) -> dict[str, str]:
        """The value of each tile by its label."""
        return {
            tile.get_by_test_id("stMetricLabel").inner_text(): tile.get_by_test_id(
                "stMetricValue"
            ).inner_text()
            for tile in self.tab.get_by_test_id("stMetric").all()
        }

    def blocks(self) -> list[str]:
        """The names of the tables that can be downloaded, in the order of the page."""
        names: list[str] = self.tab.locator("[class*=st-key-csv-]").evaluate_all(
            "all => all.map(e => e.className.match(/st-key-csv-([\\w-]+)/)[1])"
        )
        return names

    def block(self, name: str) -> Locator:
        """The finding, picture and buttons around a table."""
        return self._button(name).locator("xpath=ancestor::*[@data-testid='stVerticalBlock'][1]")

    def finding(self, name: str) -> str:
        """The sentence over a block."""
        return self.block(name).locator("h5").inner_text()

    def table(self, name: str) -> tuple[list[str], list[tuple[str, ...]]]:
        """Titles and cells of a block's table, as they are written on the screen."""
        opener = self.block(name).get_by_test_id("stPopover").locator("button")
        if not opener.count():
            return _cells(self.block(name))
        opener.click()
        try:
            return _cells(self.tab.get_by_test_id("stPopoverBody"))
        finally:
            self.tab.keyboard.press("Escape")
            expect(self.tab.get_by_test_id("stPopoverBody")).to_have_count(0, timeout=PATIENCE)

    def download(self, name: str) -> bytes:
        """Press the CSV button of a block."""
        with self.tab.expect_download() as waiting:
            self._button(name).locator("button").click()
        assert waiting.value.suggested_filename == f"{name}.csv"
        return Path(waiting.value.path()).read_bytes()

    def wrong(self) -> list[str]:
        """What the page says is wrong: sentences of its own, and what it failed with."""
        signs = '[data-testid="stAlertContentError"], [data-testid="stException"]'
        return self.tab.locator(signs).all_inner_texts()

    def text(self) -> str:
        """Everything written on the page."""
        return self.tab.locator("body").inner_text()

    def _begun(self) -> None:
        self.tab.wait_for_timeout(300)  # before it begins to run, a page is as ready as after it
        self.settled()

    def _button(self, name: str) -> Locator:
        return self.tab.locator(f".st-key-csv-{name}")


_PROBED = re.compile(r"/[^/]+/_stcore/(health|host-config)$")
"""Where Streamlit's own script looks for its server first, when a page is opened by its address."""


@contextmanager
def opened(browser: Browser | BrowserContext) -> Iterator[Page]:
    """Open a tab, wide enough for every column."""
    tab = browser.new_page()
    tab.set_viewport_size({"width": 2400, "height": 1800})
    tab.set_default_timeout(PATIENCE)
    faults: list[str] = []

    def heard(dialog: Dialog) -> None:
        faults.append(f"a script said: {dialog.message}")
        dialog.dismiss()

    def complained(message: ConsoleMessage) -> None:
        if message.type == "error" and not _PROBED.search(message.location.get("url", "")):
            faults.append(f"the console says: {message.text} {message.location}")

    tab.on("console", complained)
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("dialog", heard)
    yield Page(tab, faults)
    tab.close()


def _cells(where: Locator) -> tuple[list[str], list[tuple[str, ...]]]:
    """A grid is painted, and written once more beside the picture for those who can't see it.

    Only what is in sight is written, so the grid is scrolled until everything was.
    """
    scroller = where.locator(".dvn-scroller").first
    grid = where.locator("canvas table[role=grid]").first
    grid.locator("td").first.wait_for(state="attached")
    rows, columns = (int(grid.get_attribute(f"aria-{what}count") or 0) for what in ("row", "col"))
    seen: dict[tuple[int, int], str] = {}
    for down, across in itertools.product(range(0, 40 * rows, 70), range(0, 150 * columns, 100)):
        scroller.evaluate(f"e => e.scrollTo({across}, {down})")
        where.page.wait_for_timeout(50)
        seen |= {(row, column): text for row, column, text in grid.evaluate(_WRITTEN)}
        if len(seen) == rows * columns:
            break
    assert len(seen) == rows * columns, "some cells of the table can't be scrolled into sight"
    lines = [tuple(seen[row, column] for column in range(columns)) for row in range(rows)]
    return list(lines[0]), lines[1:]


_WRITTEN = """grid => [...grid.querySelectorAll("th, td")].map(cell => [
    Number(cell.parentElement.ariaRowIndex) - 1, Number(cell.ariaColIndex) - 1, cell.textContent
])"""
