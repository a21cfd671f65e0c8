"""What is said of one error is what plain counting finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from dashboard.analysis import one_error
from dashboard.analysis.history import History
from dashboard.analysis.one_error import affected_installs, met_by_week, met_on_versions
from tests.dashboard import reference_after_errors as reference
from tests.dashboard.histories import FIRST, history_of, random_reports
from tests.dashboard.reference import Prepared, prepared
from tests.dashboard.rows import near, ordered, rows_of

AS_OF = FIRST + timedelta(days=110)
FINGERPRINT = "a" * 16
CHOICES: list[dict[str, Any]] = [
    {},
    {"since": FIRST + timedelta(days=33), "until": FIRST + timedelta(days=70)},
    {"systems": ("Linux",), "versions": ("1.0",)},
]


@pytest.fixture(scope="module", params=CHOICES, ids=["all", "period", "filter"])
def both(request: pytest.FixtureRequest) -> Iterator[tuple[History, Prepared]]:
    reports = random_reports(21, installs=120, days=120)
    with history_of(reports, AS_OF, AS_OF, **request.param) as history:
        yield history, prepared(reports, AS_OF, AS_OF, **request.param)


def test_by_week(both: tuple[History, Prepared]) -> None:
    history, of_reports = both
    found = rows_of(met_by_week(history, FINGERPRINT))
    assert [row for row in found if row[2]] == reference.met_by_week(of_reports, FINGERPRINT)
    gaps = {later[0] - week[0] for week, later in pairwise(found)}
    assert gaps == {timedelta(days=7)}


def test_by_version(both: tuple[History, Prepared]) -> None:
    history, of_reports = both
    found = ordered(rows_of(met_on_versions(history, FINGERPRINT)))
    assert found == near(reference.met_on_versions(of_reports, FINGERPRINT))
    assert len(found) >= 1


def test_by_install(both: tuple[History, Prepared]) -> None:
    history, of_reports = both
    found = [row[:7] for row in rows_of(affected_installs(history, FINGERPRINT))]
    assert ordered(found) == ordered(reference.affected_installs(of_reports, FINGERPRINT))
    assert [row[3] for row in found] == sorted((row[3] for row in found), reverse=True)
    assert len(found) > 10


def test_those_who_met_it_last_are_listed(
    both: tuple[History, Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    every = rows_of(affected_installs(both[0], FINGERPRINT))
    monkeypatch.setattr(one_error, "MOST_AFFECTED", 3)
    assert rows_of(affected_installs(both[0], FINGERPRINT)) == every[:3]


def test_an_error_that_nobody_met(both: tuple[History, Prepared]) -> None:
    history = History(replace(both[0].scope), both[0].stored)
    for analysis in (met_on_versions, affected_installs):
        assert rows_of(analysis(history, "0" * 16)) == []
