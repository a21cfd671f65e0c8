"""In a browser: from all errors to one, from one to an install, and everything as files."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

from tests.loop.conftest import Loop
from tests.loop.page import Page

ERROR = "UnicodeDecodeError in logtally.read"


def heading(page: Page, text: str) -> None:
    """Wait for what is looked at, and for all that belongs to it."""
    page.tab.get_by_role("heading", name=text, exact=True).wait_for()
    page.settled()


def test_an_error_is_chosen_and_leads_to_an_install(loop: Loop, address: str, page: Page) -> None:
    page.open(f"{address}/errors?app=logtally")
    page.tab.get_by_role("combobox", name="Look at one error").fill("Unicode")
    page.tab.keyboard.press("Enter")
    heading(page, ERROR)
    # Crashed on a binary log: three homes, and one each with another crash and with a second one.
    assert page.tiles()["Installs that met it"] == "5"
    assert page.tiles()["Users lost"] == "too early to tell"
    assert page.finding("affected_installs") == "5 installs met it, 0 of them are silent now"

    link = page.tab.url
    assert re.fullmatch(r"[0-9a-f]{16}", link.partition("error=")[2].partition("&")[0])
    page.open(link)
    heading(page, ERROR)

    titles, cells = page.table("affected_installs")
    first = dict(zip(titles, cells[0], strict=True))["Install"]
    page.choose_row("affected_installs", 0)
    heading(page, f"Install {first}")
    assert f"install={first}" in page.tab.url
    assert "crash" in page.finding("timeline")
    assert page.wrong() == []
    assert page.faults == []


def test_an_install_is_found_by_its_first_digits(loop: Loop, address: str, page: Page) -> None:
    one = next(one for one in loop.lived if one.household.ci is False and one.household.reports > 3)
    assert one.install
    page.open(f"{address}/installs?app=logtally")
    page.tab.get_by_role("textbox", name="Find an install").fill("' OR 1=1 --")
    page.tab.keyboard.press("Enter")
    page.tab.get_by_text("A pseudonym is made of the digits").wait_for()

    page.tab.get_by_role("textbox", name="Find an install").fill(one.install[:12].upper())
    page.tab.keyboard.press("Enter")
    heading(page, f"Install {one.install}")
    assert len(page.table("timeline")[1]) == one.household.reports

    page.open(page.tab.url)
    heading(page, f"Install {one.install}")
    page.tab.get_by_role("button", name="All installs").click()
    page.tab.get_by_role("textbox", name="Find an install").wait_for()
    assert "install=" not in page.tab.url
    assert page.faults == []


def test_everything_as_one_zip_is_the_export(
    loop: Loop, address: str, page: Page, tmp_path: Path
) -> None:
    exported = {path.name: path.read_bytes() for path in loop.export(tmp_path).iterdir()}
    page.open(f"{address}/data?app=logtally")
    with page.tab.expect_download() as waiting:
        page.tab.get_by_role("button", name="Everything as one zip").click()
    with zipfile.ZipFile(io.BytesIO(Path(waiting.value.path()).read_bytes())) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == exported
    with page.tab.expect_download() as waiting:
        page.tab.get_by_role("button", name="This one").click()
    name = waiting.value.suggested_filename
    assert Path(waiting.value.path()).read_bytes() == exported[name]
    assert page.wrong() == []
    assert page.faults == []
