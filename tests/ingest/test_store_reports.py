"""A valid batch is stored whole, once, under its arrival day, with the server's time."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, cast

import requests
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.ingest.database import Database, as_stored, today
from tests.ingest.function import Function, serving
from tests.ingest.reports import JsonReport, crash, report, valid_reports
from tests.rtdb.server import Server
from wald.delivery import send_reports

if TYPE_CHECKING:
    from wald.report import Report

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


def now() -> int:
    """The present time in ms."""
    return time.time_ns() // 1_000_000


def post(function: Function, *reports: JsonReport) -> requests.Response:
    """Send one batch."""
    return requests.post(f"{function.url}/v1/reports", json={"schema": 1, "reports": reports})


def stored(database: Database, before: str, sent: JsonReport) -> JsonReport:
    """What is stored of a report sent since `before`, the day then: midnight may have passed."""
    found: JsonReport | None = database.find(sent["id"], day=before) or database.find(sent["id"])
    assert found is not None
    return found


def test_a_report_is_stored_as_it_is_with_the_time_it_was_received(
    function: Function, database: Database
) -> None:
    sent = [
        report(operation="install", solution="fail2ban", outcome="ok", duration_ms=12),
        crash(sentry_event="0" * 32),
    ]
    day, earliest = today(), now()
    answer = post(function, *sent)
    latest = now()
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "rejected": []})
    for one in sent:
        found = stored(database, day, one)
        received = found.pop("received")
        assert type(received) is int
        assert earliest <= received <= latest
        assert found == one


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(reports=st.lists(valid_reports, min_size=1, max_size=3, unique_by=lambda one: one["id"]))
def test_what_the_collector_sends_is_what_the_database_holds(
    function: Function, database: Database, reports: list[JsonReport]
) -> None:
    day = today()
    answer = send_reports(function.url, cast("list[Report]", reports), "wald/test")
    assert answer.fate == "delivered"
    for one in reports:
        found = stored(database, day, one)
        assert found.pop("received") > 0
        assert found == as_stored(one)
        # 1 == True, and 1 == 1.0: the database too has one kind of number, but not of the others.
        for name, value in one["metrics"].items():
            assert isinstance(found["metrics"][name], bool) == isinstance(value, bool)


def test_a_full_batch_is_stored(function: Function, database: Database) -> None:
    reports = [report() for _ in range(500)]
    answer = post(function, *reports)
    assert answer.json() == {"accepted": 500, "rejected": []}
    held = {one["id"] for one in database.reports()}
    assert held >= {one["id"] for one in reports}


def test_a_report_sent_again_changes_no_count(local: Server) -> None:
    database = Database.on(local, "again")
    reports = [report() for _ in range(20)]
    with serving(database.url) as function:
        assert post(function, *reports, *reports[:5]).json() == {"accepted": 25, "rejected": []}
        days = set(database.days())
        for _ in range(3):
            assert post(function, *random.sample(reports, 20)).json()["accepted"] == 20
    held = database.days()
    if set(held) == days:  # not where midnight passed: readers then keep one report an id
        assert sorted(one["id"] for one in database.reports()) == sorted(r["id"] for r in reports)
    for sent in reports:
        assert all(day[sent["id"]].items() >= sent.items() for day in held.values())


def test_a_time_no_working_clock_tells_becomes_the_time_of_arrival(
    function: Function, database: Database
) -> None:
    base = now()
    believable = [base + 9 * MINUTE, base, base - 30 * DAY, base - 31 * DAY + MINUTE]
    wrong = [base + 11 * MINUTE, base - 31 * DAY - MINUTE, 0, 253_402_300_799_999]
    reports = [report(time=moment) for moment in [*believable, *wrong]]
    day = today()
    assert post(function, *reports).json()["accepted"] == len(reports)
    latest = now()
    times = [stored(database, day, one)["time"] for one in reports]
    assert times[: len(believable)] == believable
    assert all(base <= moment <= latest for moment in times[len(believable) :])


def test_each_install_has_its_database(local: Server) -> None:
    shards = [Database.on(local, f"shard-{number}") for number in range(3)]
    reports = [report() for _ in range(60)]
    with serving(",".join(shard.url for shard in shards)) as function:
        assert post(function, *reports).json() == {"accepted": 60, "rejected": []}
    for number, shard in enumerate(shards):
        expected = {one["id"] for one in reports if int(one["install"][:8], 16) % 3 == number}
        assert {one["id"] for one in shard.reports()} == expected
        assert expected
