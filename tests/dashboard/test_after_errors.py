"""What follows an error, and how far installs get, on a few lives told in full."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from dashboard.analysis.engines import frame_of
from dashboard.analysis.errors import error_impact
from dashboard.analysis.fates import error_fates
from dashboard.analysis.first_run import first_run_errors, first_runs
from dashboard.analysis.funnel import funnel
from dashboard.analysis.interval import error_interval
from dashboard.analysis.won_back import won_back, won_back_versions
from tests.dashboard.histories import APP, FIRST, history_of, ms
from tests.dashboard.rows import rows_of

AS_OF = FIRST + timedelta(days=200)
ERROR = {"fingerprint": "f" * 16, "type": "E", "where": "m:f"}
NAME = ("f" * 16, "E", "m:f")
_ids = count()


def run(install: str, day: int, version: str = "1", **fields: Any) -> dict[str, Any]:
    """A run report; `at` is the time of day in ms."""
    when = ms(FIRST + timedelta(days=day), fields.pop("at", 0))
    pseudonym = hashlib.md5(install.encode()).hexdigest()
    base = {"id": f"{next(_ids):032x}", "app": APP, "install": pseudonym, "time": when}
    base |= {"metrics": {"package_version": version, "os": "Linux"}, "ci": False, "dropped": 0}
    return {**base, "kind": "run", **fields}


def error(install: str, day: int, version: str = "1", **fields: Any) -> dict[str, Any]:
    return run(install, day, version, **fields) | {"kind": "error", "error": ERROR}


LIVES = [
    *(error("stays", 0), run("stays", 30)),
    *(error("updates later", 0), run("updates later", 9), run("updates later", 30, "2")),
    *(error("updates too late", 0), run("updates too late", 1), run("updates too late", 31, "2")),
    *(error("updates at once", 0), run("updates at once", 0, "2", at=5), run("updates at once", 3)),
    *(error("updates at once", 0, at=2), run("updates at once", 4, "2")),
    error("leaves", 0),
    *(error("comes back", 0), run("comes back", 31, "2"), run("comes back", 32)),
    *(error("comes back, leaves", 0), error("comes back, leaves", 40, "2")),
    *(error("meets it late", 190), run("meets it late", 191, "2")),
    run("never meets it", 0),
]


def test_an_error_has_one_name_in_all_tables() -> None:
    """That of its last report at the visits shown."""
    renamed = run("b", 9) | {"kind": "error", "error": ERROR | {"type": "Renamed"}}
    with history_of([error("a", 0), renamed, run("c", 40)], AS_OF, AS_OF) as history:
        for shown, kind in ((history, "Renamed"), (history.within(FIRST, FIRST), "E")):
            for table in (error_fates, won_back, error_impact, error_interval):
                assert set(frame_of(table, shown)["type"]) == {kind}


def test_fates() -> None:
    with history_of(LIVES, AS_OF, AS_OF) as history:
        # Of two errors the last one counts; on the 31st day after it is too late to have stayed.
        assert rows_of(error_fates(history)) == [(*NAME, 8, 2, 2, 3, 1)]
        shown = history.within(FIRST, FIRST)
        assert rows_of(error_fates(shown)) == [(*NAME, 7, 2, 2, 3, 0)]
        assert rows_of(error_fates(history.within(AS_OF, AS_OF))) == []


def test_won_back() -> None:
    with history_of(LIVES, AS_OF, AS_OF) as history:
        assert rows_of(won_back(history))[0][:6] == (*NAME, 3, 1, 1 / 3)
        assert rows_of(won_back_versions(history)) == [(NAME[0], "2", 1)]
        shown = history.within(FIRST, FIRST)
        assert rows_of(won_back(shown))[0][:6] == (*NAME, 3, 2, 2 / 3)
        assert rows_of(won_back_versions(shown)) == [(NAME[0], "2", 2)]


def test_won_back_as_of_the_day_before_they_came() -> None:
    before = FIRST + timedelta(days=30)
    with history_of(LIVES, before, before) as history:
        assert rows_of(won_back(history))[0][:6] == (*NAME, 3, 0, 0)


def test_first_run_errors() -> None:
    """On 1: 8 of 20 came once with the error, 10 of 40 without. On 2 there are too few without."""
    lives = []
    for version, met, installs, once in (
        *(("1", True, 20, 8), ("1", False, 40, 10)),
        *(("2", True, 6, 3), ("2", False, 9, 9)),
    ):
        for number in range(installs):
            name = f"{version} {met} {number}"
            lives += [error(name, 0, version)] if met else [run(name, 0, version)]
            lives += [] if number < once else [run(name, 100, version)]
    with history_of(lives, AS_OF, AS_OF) as history:
        assert rows_of(first_runs(history)) == [
            ("1", "Linux", 20, 8, 40, 10),
            ("2", "Linux", 6, 3, 9, 9),
        ]
        installs, unmatched, one_time, *estimates = rows_of(first_run_errors(history))[0]
    assert (installs, unmatched, one_time) == (26, 6, 8)
    # The difference of two proportions: 0.4 − 0.25, with 1.96 · √(0.4·0.6/20 + 0.25·0.75/40).
    reach = 1.959964 * (0.4 * 0.6 / 20 + 0.25 * 0.75 / 40) ** 0.5
    assert estimates == pytest.approx([0.4, 0.25, 0.15, 0.15 - reach, 0.15 + reach])


def test_funnel() -> None:
    def did(install: str, *operations: str, **fields: Any) -> list[dict[str, Any]]:
        return [
            run(install, 0, at=place, operation=operation, solution="s", **fields)
            for place, operation in enumerate(operations)
        ]

    lives = [
        *did("all", "init", "install", "test"),
        *did("all of it backwards", "test", "install", "init"),
        *did("all after a false start", "install", "init", "test", "install", "test"),
        *did("at the same moment", "init"),
        run("at the same moment", 0, operation="install", solution="s"),
        *did("fails", "init", "install", outcome="error"),
        *did("begins in the middle", "install", "test"),
    ]
    as_stored: dict[str, Any] = {}
    found_anew = {"since": FIRST}
    for chosen in (as_stored, found_anew):
        with history_of(lives, AS_OF, AS_OF, **chosen) as history:
            assert rows_of(funnel(history)) == [
                ("s", 1, "init", 5, 1),
                ("s", 2, "install", 4, 4 / 5),
                ("s", 3, "test", 2, 2 / 5),
            ]
