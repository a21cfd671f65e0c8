"""What the page says of errors: of each, of all, and where nothing can be said."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from dashboard import findings, findings_of_errors
from tests.dashboard.rows import plainly

NAN = float("nan")


def impact(*rows: tuple[int, int, float]) -> pd.DataFrame:
    """Rows of `error_interval`: visits, unmatched, excess."""
    frame = pd.DataFrame(rows, columns=["visits", "unmatched", "excess"])
    ends = {"ci_low": frame["excess"] - 1, "ci_high": frame["excess"] + 1}
    return frame.assign(type="E", where="m:f", q_value=0.01, **ends)


@pytest.mark.parametrize(
    ("row", "lost", "note"),
    [
        ((0, 0, NAN), "too early to tell", None),
        ((3, 3, NAN), "can't be told", "nobody alike to compare with"),
        ((40, 2, 7.5), "7.5", "95 %: 6 to 8"),
        ((4, 0, 3.0), "3.0", "95 %: 2 to 4, may be chance"),
    ],
)
def test_what_one_error_cost(row: tuple[int, int, float], lost: str, note: str | None) -> None:
    of_it = impact(row).iloc[0]
    assert (findings_of_errors.lost(of_it), findings_of_errors.lost_between(of_it)) == (lost, note)


@pytest.mark.parametrize(
    ("rows", "said", "tile"),
    [
        ([], "No error was reported in this period", 0),
        ([(0, 0, NAN)], "It is too early to tell what the errors of this period cost", None),
        (
            [(0, 0, NAN), (3, 3, NAN)],
            "What errors cost can't be told: nobody alike to compare with",
            None,
        ),
        ([(40, 0, 7.5), (3, 3, NAN)], "E in m.f cost you about 8 users", 7.5),
    ],
)
def test_what_all_errors_cost(
    rows: list[tuple[int, int, float]], said: str, tile: float | None
) -> None:
    costs = impact(*rows)
    assert findings.worst_error(costs).replace("\\", "") == said
    assert findings.users_lost(costs) == tile


def test_why_an_error_has_no_cost_is_told_apart() -> None:
    assert findings.not_judged(impact((40, 0, 7.5))) == ""
    assert findings.not_judged(impact((40, 0, 7.5), (0, 0, NAN), (3, 3, NAN), (9, 9, NAN))) == (
        " 1 more is too early to tell. 2 more had nobody alike to compare with."
    )


def test_an_install_counts_once_however_many_weeks_it_met_the_error_in() -> None:
    weekly = pd.DataFrame(
        {"week": pd.to_datetime(["2026-11-09", "2026-11-16"]), "installs": [1, 1]}
    )
    last = date(2026, 11, 9)
    assert findings_of_errors.by_week(weekly, last) == "1 install met it in the last whole week"
    assert findings_of_errors.by_week(weekly.tail(1), last) == "No week is over yet"
    assert findings_of_errors.by_week(weekly, date(2026, 11, 16)) == (
        "1 install met it in the last whole week, 1 the week before"
    )


def test_who_left_is_silent() -> None:
    frame = pd.DataFrame({"silent_days": [0, 29, 30, 90]})
    said = findings_of_errors.affected
    assert plainly(said(frame, 4, 30)) == "4 installs met it, 2 of them are silent now"
    assert plainly(said(frame, 7_000, 30)) == (
        "7,000 installs met it, of the last 4 of them 2 are silent now"
    )
