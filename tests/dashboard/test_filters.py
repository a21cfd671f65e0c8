"""Filters choose visits, periods choose rows: held against plain counting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from dashboard.analysis.history import History
from dashboard.analysis.installs import active_installs, new_installs
from dashboard.analysis.lifecycle import lifecycle
from dashboard.analysis.platforms import metric_spread, metric_values, os_spread, version_adoption
from dashboard.analysis.retention import retention
from dashboard.analysis.solutions import (
    deployments_by_operation,
    deployments_by_solution,
    deployments_by_week,
    solution_deployments,
)
from tests.dashboard import reference
from tests.dashboard.histories import FIRST, history_of, random_reports
from tests.dashboard.reference import Prepared, prepared
from tests.dashboard.rows import rows_of, same

AS_OF = FIRST + timedelta(days=150)
SINCE, UNTIL = FIRST + timedelta(days=73), FIRST + timedelta(days=121)  # a Sunday, a Saturday
SYSTEM = "Linux"


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[History, Prepared]]:
    reports = random_reports(11, installs=150, days=150)
    with history_of(reports, AS_OF, AS_OF) as history:
        yield history, prepared(reports, AS_OF, AS_OF)


@pytest.fixture(scope="module")
def filtered(both: tuple[History, Prepared]) -> tuple[History, Prepared]:
    history, of_reports = both
    history = History(replace(history.scope, systems=(SYSTEM,)), history.stored)
    return history, replace(
        of_reports,
        reports=of_reports.reports[of_reports.reports["os"] == SYSTEM],
        visits=of_reports.visits[of_reports.visits["os"] == SYSTEM],
    )


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
    same(rows_of(analysis(history.within(SINCE, UNTIL))), whole)


@pytest.mark.parametrize(
    ("analysis", "plain"),
    [
        (active_installs, reference.active_installs),
        (version_adoption, reference.version_adoption),
        (solution_deployments, reference.solution_deployments),
    ],
)
def test_a_filter_counts_the_visits_chosen_alone(
    filtered: tuple[History, Prepared],
    analysis: Callable[[History], Any],
    plain: Callable[[Prepared], list[tuple[Any, ...]]],
) -> None:
    history, of_reports = filtered
    wanted = plain(of_reports)
    same([row for row in rows_of(analysis(history)) if row[0] >= wanted[0][0]], wanted)


@pytest.mark.parametrize(("since", "until"), [(None, None), (SINCE, UNTIL), (None, UNTIL)])
def test_a_filter_takes_the_last_visit_chosen_of_a_period(
    filtered: tuple[History, Prepared], since: date | None, until: date | None
) -> None:
    history, of_reports = filtered
    wanted = reference.os_spread(of_reports, since or date.min, until or date.max)
    same(rows_of(os_spread(history.within(since, until))), wanted)


def test_a_filter_leaves_lives_as_they_are(filtered: tuple[History, Prepared]) -> None:
    """New is whose life begins in that week, on whatever system it came first."""
    history, of_reports = filtered
    weeks: dict[date, set[str]] = {}
    began = {}
    for visit in of_reports.visits.itertuples():
        weeks.setdefault(monday(visit.day), set()).add(visit.install)
        began[visit.install] = monday(visit.first_day)
    for week, new, returning, resurrected, dormant in rows_of(lifecycle(history)):
        here = weeks.get(week, set())
        before = weeks.get(week - timedelta(days=7), set())
        assert new == sum(began[install] == week for install in here)
        assert returning == len(here & before)
        assert resurrected == len(here) - new - returning
        assert dormant == len(before - here)


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
