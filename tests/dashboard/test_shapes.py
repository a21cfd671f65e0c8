"""The shape in which a chart gets its table, and the sentence over it."""

from __future__ import annotations

from datetime import date

import pandas as pd
import plotly.graph_objects as go
import pytest

from dashboard import charts, findings
from dashboard.charts.theme import LETTER, MARGIN, TITLE, blank
from dashboard.shapes import if_any, top_versions
from dashboard.versions import newest_first
from tests.dashboard.rows import plainly

MONDAYS = pd.to_datetime(["2026-11-02", "2026-11-09", "2026-11-16"])


def test_the_latest_common_versions_have_colours_and_the_others_are_one() -> None:
    versions = [f"1.{minor}" for minor in range(10)]  # each reigns once, with 91 of 100
    rows = [
        (week, version, 91 if place == reigning else 1)
        for reigning, week in enumerate(pd.date_range("2026-08-31", periods=10, freq="7D"))
        for place, version in enumerate(versions)
    ]
    adoption = pd.DataFrame(rows, columns=["week", "version", "installs"])
    wide, names = top_versions(adoption, newest_first(set(versions)))
    assert list(names.values()) == ["others", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9"]
    assert wide["rest"].tolist() == [93, 93, 93, 3, 3, 3, 3, 3, 3, 3]


def test_a_rare_version_is_one_of_the_others() -> None:
    rows = [(MONDAYS[0], "1.0", 96), (MONDAYS[0], "2.0a1", 4)]
    adoption = pd.DataFrame(rows, columns=["week", "version", "installs"])
    assert list(top_versions(adoption, ["2.0a1", "1.0"])[1].values()) == ["others", "1.0"]


def test_a_table_of_zeros_is_none() -> None:
    zeros = pd.DataFrame({"day": MONDAYS, "installs": [0, 0, 0]})
    assert if_any(zeros, "installs").empty
    assert len(if_any(zeros.assign(installs=[0, 1, 0]), "installs")) == 3


def test_of_marks_that_would_touch_the_latest_is_named() -> None:
    days = pd.Series(pd.date_range("2026-01-01", periods=101))
    events = [(date(2026, 2, 1), "1.0"), (date(2026, 3, 29), "2.0"), (date(2026, 4, 2), "2.1")]
    figure = charts.mark(blank(300), days, events)
    assert len(figure.layout.shapes) == 3
    assert [word.text for word in figure.layout.annotations] == ["2.1", "1.0"]


def test_a_single_day_is_no_broader_than_among_ten() -> None:
    frame = pd.DataFrame({"day": [date(2026, 11, 22)], "reports": [7]})
    figure = charts.bars_over_time(
        frame, "day", "reports", unit="reports", complete_until=date(2026, 11, 21)
    )
    first, last = map(pd.Timestamp, figure.layout.xaxis.range)
    assert (first, last) == (pd.Timestamp("2026-11-17 12:00"), pd.Timestamp("2026-11-26 12:00"))


def test_what_is_counted_has_no_halves_and_room_for_its_numbers() -> None:
    def bars(greatest: int) -> go.Figure:
        frame = pd.DataFrame({"day": [date(2026, 11, 21)], "reports": [greatest]})
        return charts.bars_over_time(
            frame, "day", "reports", unit="reports", complete_until=date(2026, 11, 21)
        )

    assert bars(1).layout.yaxis.dtick == 1
    assert bars(400).layout.yaxis.dtick is None
    # "950" may stand below a line of "1,000"
    assert bars(950).layout.margin.l - bars(400).layout.margin.l == 2 * LETTER


def test_shares_have_room_for_the_whole_and_digits_as_their_steps_need() -> None:
    frame = pd.DataFrame({"day": pd.date_range("2026-11-20", periods=2), "share": [None, 0.02]})
    figure = charts.lines(
        frame, "day", {"share": "share"}, unit="", complete_until=date(2026, 11, 22), shares=True
    )
    assert figure.layout.margin.l == MARGIN["l"] + TITLE + len("100%") * LETTER
    assert figure.layout.yaxis.tickformat == "~%"


def test_charts_on_one_scale_have_its_steps_and_its_room() -> None:
    weeks = pd.DataFrame({"week": MONDAYS, "attempts": [2, 3, 2]})

    def axis(top: float | None) -> tuple[object, float]:
        figure = charts.lines(
            weeks,
            "week",
            {"attempts": "rare"},
            unit="attempts",
            complete_until=date(2026, 11, 21),
            top=top,
        )
        return figure.layout.yaxis.dtick, figure.layout.margin.l

    assert axis(None) == (1, MARGIN["l"] + TITLE + 3 * LETTER)
    assert axis(5_000) == (None, MARGIN["l"] + TITLE + len("5,500") * LETTER)


def test_a_long_name_leaves_room_for_what_it_names() -> None:
    name = "VeryLongNameOfSomethingThatFailed in module.<lambda>"
    frame = pd.DataFrame(
        {"name": [name], "excess": [5.0], "low": [2.0], "high": [8.0], "proven": [True]}
    )
    figure = charts.intervals(frame, "name", "excess", "low", "high", x_title="users lost")
    assert figure.layout.yaxis.ticktext == (
        "VeryLongNameOfSomethingThat…<br>in module.&lt;lambda&gt;",
    )
    assert figure.layout.margin.l < 380 / 2
    assert figure.data[0].text == (name.replace("<", "&lt;").replace(">", "&gt;"),)


def test_numbers_are_dark_on_bright_cells_and_absent_where_they_have_no_room() -> None:
    cells = pd.DataFrame([[0.1, 0.4], [0.2, None]], index=["a", "b"], columns=[1, 2], dtype=float)
    hover = [["", ""], ["", ""]]
    written = charts.heat_map(cells, hover=hover, x_title="", top=0.4).data[1]
    assert list(written.text) == ["10", "40", "20"]
    assert list(written.textfont.color) == ["#ffffff", "#10151c", "#10151c"]
    wide = pd.DataFrame([[0.1] * 14])
    (map_,) = charts.heat_map(wide, hover=[[""] * 14], x_title="").data
    assert map_.showscale


@pytest.mark.parametrize(
    ("before", "came", "until", "said"),
    [
        (None, None, None, "754 installs were active in the last 30 days"),
        (
            671,
            264,
            None,
            "754 installs were active in the last 30 days, 264 of them new, "
            "12 % more than the period before",
        ),
        (
            None,
            None,
            date(2026, 10, 14),
            "754 installs were active in the 30 days up to 14 Oct 2026",
        ),
    ],
)
def test_active(before: float | None, came: float | None, until: date | None, said: str) -> None:
    assert plainly(findings.active(754, before, came, until)) == said


def test_who_came_lately_is_known_where_all_the_days_are_shown() -> None:
    days = pd.date_range("2026-10-24", "2026-11-22")
    frame = pd.DataFrame({"day": days, "installs": range(30)})
    assert findings.came_lately(frame, date(2026, 11, 22), 30) == 435
    assert findings.came_lately(frame, date(2026, 11, 21), 29) == 435 - 29
    assert findings.came_lately(frame, date(2026, 11, 21), 30) is None


def test_the_version_used_most() -> None:
    shifts = pd.DataFrame(
        {"version": ["2.0", "1.*"], "installs": [3, 7], "share": [0.3, 0.7]},
    )
    assert findings.most_used(shifts) == r"Most used version: 1\.\*"
    assert findings.most_used(shifts.head(0)) is None


def test_one_value_is_not_compared() -> None:
    row = {"value": "init", "judged": 50, "one_time": 20, "share": 0.4}
    assert plainly(findings.one_time_by(pd.DataFrame([row]), "operation")) == (
        "init is the first operation of all of them: 40 % of 50 came once"
    )
    other = {**row, "value": "test", "one_time": 10, "share": 0.2}
    assert plainly(findings.one_time_by(pd.DataFrame([row, other]), "operation")) == (
        "With init, 40 % of 50 came once"
    )


def test_how_many_visits_could_be_compared() -> None:
    impact = pd.DataFrame({"visits": [50, 9], "unmatched": [0, 0]})
    assert (
        findings.compared(impact) == "All 59 visits with an error could be compared with like ones"
    )
    assert findings.compared(impact.assign(unmatched=[2, 1])) == (
        "Of 59 visits with an error, 56 could be compared with like ones, 3 could not"
    )
