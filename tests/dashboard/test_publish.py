"""The page that a project shows its users: what it tells, and what it must not."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dashboard.__main__ import main
from dashboard.drawing import curve
from dashboard.publish import picture, publish
from tests import browser
from tests.dashboard.histories import FIRST, history_of, ms
from tests.dashboard.test_hostile_words import WORDS

AS_OF = date(2026, 3, 29)  # a Sunday

RARE = "rare"
"""What only four installs have, and nobody may read."""


def reports() -> list[dict[str, Any]]:
    """Of 40 installs with words that mean something to somebody, and four rare ones."""
    found = []
    for install in range(44):
        few = install >= 40
        metrics = {
            "package_version": RARE if few else WORDS["package_version"],
            "os": RARE if few else WORDS["os"],
            "own": RARE if few else WORDS["own"],
            "secret": "never shown",
        }
        for visit, day in enumerate((1, 60)):
            found.append(
                {
                    "id": f"{install:016x}{visit:016x}",
                    "app": "my-tool",
                    "install": f"{0xABC000 + install:032x}",
                    "time": ms(FIRST) + 86_400_000 * (day + install % 20),
                    "kind": "run",
                    "operation": WORDS["operation"],
                    "solution": RARE if few else WORDS["solution"],
                    "outcome": "ok",
                    "metrics": metrics,
                    "ci": False,
                    "dropped": 0,
                }
            )
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    with history_of(reports(), AS_OF, AS_OF, app="my-tool") as history:
        publish(picture(history, metrics=("own",), more="https://my.example/?a=1&b=<2>"), out)
    return out


def test_it_tells_what_the_installs_report(site: Path) -> None:
    told = json.loads((site / "data.json").read_text())
    assert (told["app"], told["as_of"], told["since"]) == ("my-tool", "2026-03-29", "2025-12-30")
    assert (told["new"], told["active"]) == (44, 44)
    assert told["parts"][0] == {
        "name": "versions",
        "title": "Version",
        "rows": [[WORDS["package_version"], 40], ["other", None]],
        "exclusive": True,
    }
    assert [part["name"] for part in told["parts"]] == [
        *("versions", "systems", "system_versions", "solutions", "metric_own")
    ]
    # First visits: 3 a day from 2 to 5 January, 2 a day until the 21st; whole weeks are told.
    assert [week[:2] for week in told["weeks"][:4]] == [
        *(["2026-01-05", 15], ["2026-01-12", 14], ["2026-01-19", 6], ["2026-01-26", None])
    ]


def test_what_few_have_is_nowhere(site: Path) -> None:
    for path in site.iterdir():
        text = path.read_text()
        assert RARE not in text.replace("that rare is not named", ""), path.name
        assert "never shown" not in text
        assert not re.search(r"[0-9a-f]{32}", text), path.name
    with (site / "versions.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["value", "installs"],
            [f"'{WORDS['package_version']}", "40"],
            ["other", ""],
        ]


def test_fewer_than_the_least_is_refused_by_the_command_line() -> None:
    with pytest.raises(SystemExit):
        main(["publish", "--out", "x", "--min-cell", "4"])


def test_no_cell_is_a_formula(site: Path) -> None:
    for path in site.glob("*.csv"):
        with path.open(newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert [cell for cell in cells if re.match(r"\s*[=+\-@]", cell)] == [], path.name


def test_words_from_outside_do_nothing_and_nothing_is_fetched(site: Path) -> None:
    with browser.launched() as chromium:
        tab = chromium.new_page(viewport={"width": 380, "height": 800})
        asked: list[str] = []
        faults: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda message: faults.append(message.text))
        tab.goto((site / "index.html").as_uri())
        text = tab.locator("body").inner_text()
        for name in ("package_version", "os", "own", "solution"):
            assert WORDS[name] in text, name
        for meaning in ("b:text-is('B')", "script", "img", "[onerror]", "iframe", "form"):
            assert tab.locator(meaning).count() == 0, meaning
        links = tab.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        assert {link for link in links if not link.endswith((".csv", ".json"))} == {
            "https://my.example/?a=1&b=<2>"
        }
        assert tab.evaluate("document.documentElement.scrollWidth") == 380
        assert "MY_TOOL_TELEMETRY=off" in text
        outside = [url for url in asked if not url.startswith(("file:", "data:"))]
        assert (outside, faults) == ([], [])


def test_a_curve_has_a_gap_where_nothing_is_told() -> None:
    days = [date(2026, 1, 5), date(2026, 1, 12), date(2026, 1, 19), date(2026, 1, 26)]
    drawn = curve(list(zip(days, [8, None, 0, 16], strict=True)))
    assert drawn.lines == ("M44.0 109.6", "M436.0 176.0 L632.0 43.2")
    assert [mark.text for mark in drawn.points] == [
        *("5 Jan 2026: 8", "19 Jan 2026: 0", "26 Jan 2026: 16")
    ]
    assert [mark.text for mark in drawn.heights] == ["0", "5", "10", "15", "20"]


def test_a_curve_of_nothing() -> None:
    drawn = curve([(date(2026, 1, 5), None)])
    assert (drawn.lines, drawn.points) == ((), ())
