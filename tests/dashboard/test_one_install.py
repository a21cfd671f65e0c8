"""One install is found by its pseudonym, and all that it reported is told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from dashboard.analysis import one_install
from dashboard.analysis.one_install import found_installs, silences, timeline
from dashboard.findings_of_installs import dots, life
from tests.dashboard.histories import APP, FIRST, history_of, ms
from tests.dashboard.rows import rows_of

AS_OF = FIRST + timedelta(days=200)
HERE, NEAR, FAR = "ab" + "0" * 30, "abc" + "f" * 29, "f" * 32
ERROR = {"fingerprint": "f" * 16, "type": "E", "where": "m:f", "sentry_event": "e" * 32}


def report(install: str, day: int, **fields: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"id": f"{install[:4]}{day:028x}", "app": APP}
    base |= {"install": install, "time": ms(FIRST + timedelta(days=day)), "kind": "run"}
    base |= {"metrics": {"os": "Linux", "package_version": "1"}, "ci": False, "dropped": 0}
    return base | fields


LIVES = [
    report(HERE, 0, operation="init", outcome="ok", duration_ms=1500),
    report(HERE, 1, operation="install", solution="s", outcome="error"),
    report(HERE, 40, operation="install", solution="s", kind="error", error=ERROR),
    report(NEAR, 190, ci=True),
    report(FAR, 3, kind="error", error=ERROR),
    report(FAR, 199),
]


def found(prefix: str) -> list[str]:
    with history_of(LIVES, AS_OF, AS_OF, systems=("macOS",), since=AS_OF) as history:
        return [row[0] for row in rows_of(found_installs(history, prefix))]


@pytest.mark.parametrize(
    ("prefix", "installs"),
    [
        ("ab", [NEAR, HERE]),
        ("ab0", [HERE]),
        (HERE, [HERE]),
        ("abc", [NEAR]),
        ("fff", [FAR]),
        ("abd", []),
        (HERE[:-1] + "1", []),
    ],
)
def test_a_prefix_finds_installs_whatever_the_filters(prefix: str, installs: list[str]) -> None:
    assert found(prefix) == installs


def test_those_seen_last_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_install, "MOST_FOUND", 1)
    assert found("ab") == [NEAR]


def test_what_is_told_of_those_found() -> None:
    with history_of(LIVES, AS_OF, AS_OF) as history:
        assert rows_of(found_installs(history, "ab0")) == [
            (HERE, FIRST, FIRST + timedelta(days=40), 160, 3, "1", "Linux")
        ]


def test_a_timeline_holds_every_report_and_nobody_elses() -> None:
    with history_of(LIVES, AS_OF, AS_OF, since=AS_OF) as history:
        frame = timeline(history, HERE).to_pandas()
    assert [at.date() for at in frame["at"]] == [FIRST + timedelta(days=n) for n in (40, 1, 0)]
    assert rows_of(frame.drop(columns="at")) == [
        ("error", "install", "s", None, None, "E", "m:f", "f" * 16, "e" * 32, "1", "Linux", 0),
        ("run", "install", "s", "error", None, None, None, None, None, "1", "Linux", 0),
        ("run", "init", None, "ok", 1500, None, None, None, None, "1", "Linux", 0),
    ]
    assert list(dots(frame)["kind"]) == ["crashed", "ended with an error", "ended well"]
    assert list(dots(frame)["said"]) == [
        "install · s · E in m.f · 1 · Linux",
        "install · s · 1 · Linux",
        "init · 1.5 s · 1 · Linux",
    ]


def test_the_pauses_of_an_install() -> None:
    def days(*numbers: int) -> tuple[date, ...]:
        return tuple(FIRST + timedelta(days=number) for number in numbers)

    with history_of(LIVES, AS_OF, AS_OF) as history:
        assert rows_of(silences(history, HERE)) == [
            (*days(1, 40), 39, True),
            (*days(40, 200), 160, False),
        ]
        assert rows_of(silences(history, FAR)) == [(*days(3, 199), 196, True)]
        assert rows_of(silences(history, NEAR)) == []


def test_how_a_life_is_told() -> None:
    with history_of(LIVES, AS_OF, AS_OF) as history:
        told = [
            life(timeline(history, install).to_pandas(), pauses(history, install))
            for install in (HERE, FAR)
        ]
    assert told == [
        "Here on 3 days since 1 Jan 2026, 1 crash; silent since 10 Feb 2026, after E in m\\.f",
        "Here on 2 days since 4 Jan 2026, 1 crash, last seen on 19 Jul 2026",
    ]


def pauses(history: Any, install: str) -> pd.DataFrame:
    frame: pd.DataFrame = silences(history, install).to_pandas()
    return frame
