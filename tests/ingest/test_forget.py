"""An install that asks to be forgotten is gone from all days and databases, and stays gone."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
import requests

from ingest.forget import SETTLED_MS, finish
from ingest.store import Store
from ingest.wishes import MAX_WISHES
from tests.ingest.database import Database
from tests.ingest.function import HOST, ROOT, Function, serving, settings
from tests.ingest.reports import JsonReport, report
from tests.ingest.slow import slow_proxy
from tests.patience import until
from tests.rtdb.server import Server, running
from wald.report import pseudonym

GONE = "this install was forgotten, as it asked to be"


def post(function: Function, *reports: JsonReport) -> requests.Response:
    """Send one batch."""
    return requests.post(f"{function.url}/v1/reports", json={"schema": 1, "reports": reports})


def forget(function: Function, secret: str) -> requests.Response:
    """Ask to be forgotten."""
    return requests.post(f"{function.url}/v1/forget", json={"secret": secret})


def ids(*databases: Database) -> set[str]:
    """Ids of the stored reports."""
    return {one["id"] for database in databases for one in database.reports()}


def days_ago(number: int) -> datetime:
    """This time of day, so many days ago."""
    return datetime.now(UTC) - timedelta(days=number)


def settle(database: Database, install: str) -> None:
    """Set the time when an install asked so far back that a sweep ends its forgetting."""
    long_ago = time.time_ns() // 1_000_000 - SETTLED_MS - 1000
    database.root.child(f"forgotten/{install}/received").set(long_ago)


def test_every_report_goes_and_later_ones_are_refused(local: Server) -> None:
    shards = Database.on(local, "forget-a"), Database.on(local, "forget-b")
    urls = ",".join(shard.url for shard in shards)
    secret = secrets.token_hex(32)
    install = pseudonym(bytes.fromhex(secret))
    store = Store.connect({"FIREBASE_DATABASE_URL": urls})
    others = [report() for _ in range(50)]
    for number in range(5):
        store.add([report(install=install) for _ in range(30)], arrived=days_ago(number))
    store.add(others, arrived=days_ago(2))
    # From a time when there was one database more or less: it stands in the other one.
    misplaced = report(install=install)
    shards[1 - store.shard_of(install)].root.child(f"reports/2026-01-01/{misplaced['id']}").set(
        {**misplaced, "received": 1}
    )
    many = [report(install=install) for _ in range(1200)]
    store.add(many, arrived=days_ago(1))
    with serving(urls) as function:
        assert forget(function, secret).status_code == 202  # it may still be at it
        assert until(lambda: ids(*shards) == {one["id"] for one in others})
        late, another = report(install=install), report()
        assert post(function, late, another).json() == {
            "accepted": 1,
            "rejected": [{"index": 0, "reason": GONE}],
        }
    with serving(urls) as function:  # and another instance knows of it as well
        assert post(function, late).json()["rejected"] == [{"index": 0, "reason": GONE}]
    assert ids(*shards) == {one["id"] for one in (*others, another)}
    marks = store.forgotten(store.shard_of(install))
    assert [mark.install for mark in marks] == [install]
    assert abs(marks[0].received - time.time_ns() // 1_000_000) < 60 * 60_000
    assert store.forgotten(store.shard_of(install), since=marks[0].received + 1) == []
    assert store.forgotten(1 - store.shard_of(install)) == []


def test_a_wish_cut_off_half_way_is_fulfilled_by_the_next_function(local: Server) -> None:
    database = Database.on(local, "cut-off")
    install = secrets.token_hex(16)
    store = Store.connect({"FIREBASE_DATABASE_URL": database.url})
    store.add([report(install=install) for _ in range(10)], arrived=days_ago(3))
    kept = report()
    # What stands in the database when the function was ended right after it took the wish.
    long_ago = time.time_ns() // 1_000_000 - SETTLED_MS - 1000
    database.root.child(f"forgotten/{install}").set({"received": long_ago, "pending": True})
    with serving(database.url) as function:
        assert post(function, kept).json()["accepted"] == 1
        assert until(lambda: not store.forgotten(0)[0].pending)
    assert ids(database) == {kept["id"]}


def test_a_function_killed_while_it_forgets(local: Server) -> None:
    database = Database.on(local, "killed-forgetting")
    secret = secrets.token_hex(32)
    install = pseudonym(bytes.fromhex(secret))
    store = Store.connect({"FIREBASE_DATABASE_URL": database.url})
    for number in range(30):
        store.add([report(install=install) for _ in range(10)], arrived=days_ago(number))
    kept = report()
    store.add([kept], arrived=days_ago(3))
    with (
        slow_proxy(local, delay=0.3) as port,
        serving(f"http://{HOST}:{port}/?ns=killed-forgetting") as function,
        ThreadPoolExecutor() as threads,
    ):
        asked = threads.submit(forget, function, secret)
        while len(database.reports()) == 301:
            time.sleep(0.02)
        function.kill()
        with pytest.raises(requests.ConnectionError):
            asked.result()
    assert 1 < len(database.reports()) < 301
    assert store.forgotten(0)[0].pending
    settle(database, install)
    with serving(database.url) as function:
        assert post(function, report(install=install)).json()["rejected"][0]["reason"] == GONE
        while store.forgotten(0)[0].pending:
            time.sleep(0.05)
    assert ids(database) == {kept["id"]}


def test_a_database_that_is_away_keeps_a_wish_pending(local: Server, tmp_path: Path) -> None:
    with running(tmp_path) as server:
        shards = Database.on(local, "forget-stays"), Database.on(server, "forget-goes")
        urls = ",".join(shard.url for shard in shards)
        store = Store.connect({"FIREBASE_DATABASE_URL": urls})
        secret = next(
            one
            for one in iter(lambda: secrets.token_hex(32), "")
            if store.shard_of(pseudonym(bytes.fromhex(one))) == 0
        )
        install = pseudonym(bytes.fromhex(secret))
        store.add([report(install=install) for _ in range(10)], arrived=days_ago(1))
        misplaced = report(install=install)
        shards[1].root.child(f"reports/2026-01-01/{misplaced['id']}").set(
            {**misplaced, "received": 1}
        )
        with serving(urls) as function:
            server.kill()
            assert forget(function, secret).status_code == 202
            assert until(lambda: not ids(shards[0]))  # what can be reached goes at once
            assert store.forgotten(0)[0].pending
        settle(shards[0], install)
        prune = [sys.executable, "-m", "ingest", "prune", "--keep", "36500"]
        environment = settings(FIREBASE_DATABASE_URL=urls)
        away = subprocess.run(prune, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert away.returncode == 1
        assert away.stderr == f"The database at {server.url} does not answer\n"
        assert store.forgotten(0)[0].pending
        with running(tmp_path, port=server.port):
            assert ids(shards[1]) == {misplaced["id"]}
            subprocess.run(prune, cwd=ROOT, env=environment, check=True, capture_output=True)
            assert ids(*shards) == set()
            assert not store.forgotten(0)[0].pending


def test_who_was_forgotten_stays_so_when_databases_are_added(local: Server) -> None:
    shards = [Database.on(local, f"forget-added-{number}") for number in range(2)]
    urls = ",".join(shard.url for shard in shards)
    one, two = (Store.connect({"FIREBASE_DATABASE_URL": some}) for some in (shards[0].url, urls))
    gone = [f"{number:08x}" + "0" * 24 for number in range(2)]  # one for each database
    for install in gone:
        one.mark_forgotten(install)
        settle(shards[0], install)
    prune = [sys.executable, "-m", "ingest", "prune", "--keep", "36500"]
    environment = settings(FIREBASE_DATABASE_URL=urls)
    subprocess.run(prune, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert [mark.install for mark in two.forgotten(1)] == [gone[1]]
    assert [mark.pending for mark in two.forgotten(0)] == [False, False]
    with serving(urls) as function:
        answer = post(function, *(report(install=install) for install in gone)).json()
    assert answer["rejected"] == [{"index": number, "reason": GONE} for number in range(2)]
    subprocess.run(prune, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert [mark.install for mark in two.forgotten(1)] == [gone[1]]


def test_wishes_that_a_database_holds_up_are_few(local: Server) -> None:
    with (
        slow_proxy(local, delay=600, mark="PUT /forgotten") as port,
        serving(f"http://{HOST}:{port}/?ns=held-up") as function,
        ThreadPoolExecutor(12) as threads,
    ):
        asked = [threads.submit(forget, function, secrets.token_hex(32)) for _ in range(12)]
        answers = [one.result() for one in islice(as_completed(asked), 12 - MAX_WISHES)]
        assert {(one.status_code, one.headers["Retry-After"]) for one in answers} == {(503, "5")}
        # Those that hang hold up nobody else.
        assert requests.get(f"{function.url}/healthz").status_code == 200
        assert post(function, report()).json()["accepted"] == 1
        function.kill()


def test_a_mark_that_has_not_settled_stays_pending(local: Server) -> None:
    database = Database.on(local, "unsettled")
    store = Store.connect({"FIREBASE_DATABASE_URL": database.url})
    install = secrets.token_hex(16)
    store.mark_forgotten(install)
    assert finish(store, store.forgotten(0)) == 0
    assert store.forgotten(0)[0].pending


def test_asking_again_keeps_the_first_time(local: Server) -> None:
    database = Database.on(local, "again-forgotten")
    secret = secrets.token_hex(32)
    store = Store.connect({"FIREBASE_DATABASE_URL": database.url})
    with serving(database.url) as function:
        assert forget(function, secret).status_code == 202
        first = store.forgotten(0)
        assert forget(function, secret).status_code == 202
        assert store.forgotten(0) == first


def test_a_wish_that_may_be_lost_is_not_taken(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        database = Database.on(server, "away")
        with serving(database.url) as function:
            server.kill()
            answer = forget(function, secrets.token_hex(32))
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "Object missing required field `secret`"),
        ({"secret": "ab"}, "Expected `str` matching regex"),
        ({"secret": "A" * 64}, "Expected `str` matching regex"),
        ({"secret": "../" + "a" * 61}, "Expected `str` matching regex"),
        ({"secret": "a" * 64, "install": "b" * 32}, "Object contains unknown field `install`"),
    ],
)
def test_what_proves_nothing_is_refused(
    function: Function, body: dict[str, str], reason: str
) -> None:
    answer = requests.post(f"{function.url}/v1/forget", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(reason)


def test_a_page_holds_every_report_once(local: Server) -> None:
    database = Database.on(local, "pages")
    store = Store.connect({"FIREBASE_DATABASE_URL": database.url})
    reports = [report() for _ in range(25)]
    store.add(reports, arrived=days_ago(0))
    (day,) = store.days(0)
    for limit in (1, 7, 25, 100):
        pages = list(store.pages(0, day, limit=limit))
        held = [key for page in pages for key in store_keys(page)]
        assert sorted(held) == sorted(one["id"] for one in reports)
    assert list(store.pages(0, date(2020, 1, 1))) == []


def store_keys(page: bytes) -> list[str]:
    """Keys of a JSON object."""
    return list(json.loads(page))
