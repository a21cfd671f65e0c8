"""Filters choose visits, periods choose rows: held against plain counting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from dashboard.analysis import choices
from dashboard.analysis.error_free import error_free
from dashboard.analysis.history import History
from dashboard.analysis.installs import active_installs, new_installs
from dashboard.analysis.lifecycle import lifecycle
from dashboard.analysis.losses import loss_account
from dashboard.analysis.one_time import one_time
from dashboard.analysis.platforms import metric_spread, metric_values, os_spread, version_adoption
from dashboard.analysis.retention import retention
from dashboard.analysis.solutions import (
    deployments_by_operation,
    deployments_by_solution,
    deployments_by_week,
    solution_deployments,
)
from tests.dashboard import reference, reference_use
from tests.dashboard.histories import FIRST, history_of, ms, random_reports
from tests.dashboard.reference import Prepared, prepared
from tests.dashboard.rows import near, ordered, rows_of

AS_OF = FIRST + timedelta(days=150)
SINCE, UNTIL = FIRST + timedelta(days=73), FIRST + timedelta(days=121)  # a Sunday, a Saturday
MONDAY = FIRST + timedelta(days=4)
SYSTEM = "Linux"
PLAIN: dict[Callable[[History], Any], Callable[[Prepared], list[tuple[Any, ...]]]] = {
    new_installs: reference.new_installs,
    active_installs: reference.active_installs,
    lifecycle: reference.lifecycle,
    retention: reference.retention,
    version_adoption: reference.version_adoption,
    solution_deployments: reference.solution_deployments,
    one_time: reference.one_time,
    os_spread: reference.os_spread,
    error_free: reference_use.error_free,
    loss_account: reference_use.loss_account,
}


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[History, Prepared]]:
    reports = random_reports(11, installs=150, days=150)
    with history_of(reports, AS_OF, AS_OF) as history:
        yield history, prepared(reports, AS_OF, AS_OF)


@pytest.mark.parametrize("chosen", [(), (SYSTEM,)])
@pytest.mark.parametrize(
    ("analysis", "week"),
    [
        (new_installs, False),
        (active_installs, False),
        (lifecycle, True),
        (retention, True),
        (version_adoption, True),
        (solution_deployments, True),
        (deployments_by_week, True),
    ],
)
def test_a_period_shows_the_rows_that_it_touches(
    both: tuple[History, Prepared],
    analysis: Callable[[History], Any],
    week: bool,
    chosen: tuple[str, ...],
) -> None:
    history = History(replace(both[0].scope, systems=chosen), both[0].stored)
    since = SINCE - timedelta(days=SINCE.weekday()) if week else SINCE
    whole = [row for row in rows_of(analysis(history)) if since <= row[0] <= UNTIL]
    assert len(whole) > 7
    assert ordered(rows_of(analysis(history.within(SINCE, UNTIL)))) == near(whole)


FILTERS: dict[str, dict[str, Any]] = {
    "version": {"versions": ("1.1", "unknown")},
    "OS": {"systems": (SYSTEM,)},
    "solution": {"solutions": ("clamav",)},
    "solution only of errors": {"solutions": ("wazuh",)},
    "metric": {"metrics": (("hosts", ("1", "2")),)},
    "all": {
        "versions": ("1.1",),
        "systems": (SYSTEM,),
        "solutions": ("teler", "clamav"),
        "metrics": (("hosts", ("0", "1")), ("os_version", ("13",))),
    },
}


@pytest.mark.parametrize("period", [(None, None), (SINCE, UNTIL), (None, UNTIL)])
@pytest.mark.parametrize("chosen", FILTERS.values(), ids=list(FILTERS))
def test_a_filter_means_the_same_everywhere(
    both: tuple[History, Prepared], chosen: dict[str, Any], period: tuple[date | None, date | None]
) -> None:
    history = History(replace(both[0].scope, **chosen), both[0].stored).within(*period)
    of_reports = replace(
        both[1], **chosen, since=period[0] or date.min, until=period[1] or date.max
    )
    for analysis, plain in PLAIN.items():
        assert ordered(rows_of(analysis(history))) == near(plain(of_reports))


def test_a_filter_leaves_lives_as_they_are() -> None:
    """New is whose life begins in that week: not who first comes on Linux, on it or back to it."""
    on = [("Darwin", 0), ("Linux", 1), ("Linux", 8), ("Darwin", 15), ("Linux", 22)]
    base = {"app": "tool", "install": "1" * 32, "kind": "run", "ci": False, "dropped": 0}
    reports = [
        {
            **base,
            "id": f"{day:032x}",
            "time": ms(MONDAY + timedelta(days=day)),
            "metrics": {"os": os},
        }
        for os, day in on
    ]
    with history_of(reports, AS_OF, AS_OF, systems=("Linux",), until=MONDAY) as history:
        # It came on Darwin, then on Linux in the same week.
        assert rows_of(new_installs(history))[0][1] == 0
        whole = history.within(None, MONDAY + timedelta(days=27))
        assert [row[1:] for row in rows_of(lifecycle(whole))] == [
            (1, 0, 0, 0),
            (0, 1, 0, 0),
            (0, 0, 0, 1),
            (0, 0, 1, 0),
        ]
        assert rows_of(retention(whole)) == []
        assert rows_of(one_time(whole)) == []


def test_there_is_to_choose_what_was_told_the_most_used_first(
    both: tuple[History, Prepared],
) -> None:
    history, p = both
    for analysis, told in (
        (choices.versions, p.visits["version"]),
        (choices.systems, p.visits["os"]),
        (choices.solutions, p.visits["solutions"].explode().dropna()),
    ):
        found = rows_of(analysis(history))
        assert dict(found) == dict(Counter(told))
        assert [n for _, n in found] == sorted((n for _, n in found), reverse=True)
    found = rows_of(choices.metric_choices(history))
    told = Counter((name, str(v)) for m in p.visits["metrics"] for name, v in m.items())
    assert {row[:2]: row[2] for row in found} == dict(told)
    assert found == sorted(found, key=lambda row: (row[0], -row[2], row[1]))


@pytest.mark.parametrize("systems", [(), (SYSTEM,)])
@pytest.mark.parametrize("since", [None, SINCE])
def test_each_install_is_deployed_once_a_period(
    both: tuple[History, Prepared], systems: tuple[str, ...], since: date | None
) -> None:
    reports = both[1].reports
    scope = replace(both[0].scope, systems=systems, since=since, until=UNTIL)
    history = History(scope, both[0].stored)
    runs = reports[(reports["kind"] == "run") & reports["solution"].notna()]
    runs = runs[runs["os"].isin(systems or runs["os"])]
    runs = runs[(runs["day"] >= (since or date.min)) & (runs["day"] <= UNTIL)]
    for analysis, keys in (
        (deployments_by_operation, ["solution", "operation"]),
        (deployments_by_solution, ["solution"]),
    ):
        groups = runs.groupby(keys, dropna=False)
        wanted = {key: group["install"].nunique() for key, group in groups}
        assert {row[: len(keys)]: row[-1] for row in rows_of(analysis(history))} == wanted


def test_all_metrics_at_once_are_each_of_them(both: tuple[History, Prepared]) -> None:
    history = both[0].within(SINCE, UNTIL)
    found = rows_of(metric_spread(history))
    assert len(found) > 6
    for identifier in {row[0] for row in found}:
        rows = [row[1:] for row in found if row[0] == identifier]
        assert rows == rows_of(metric_values(history, identifier))


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
