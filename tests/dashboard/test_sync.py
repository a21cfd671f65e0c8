"""Sync: each report once, whatever happens in between."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any, ClassVar

import duckdb
import pytest

from dashboard.load import loading
from dashboard.sync import Progress, sync
from dashboard.warehouse import Warehouse, WarehouseError
from ingest.store import DatabaseUnavailable, Page, Store
from tests.dashboard.histories import contents, random_reports, without_received
from tests.rtdb.server import ROOT, Server, running

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("rtdb")) as server:
        yield server


@pytest.fixture
def settings(server: Server, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Of a database and a warehouse of the test's own."""
    name = f"{request.node.name}-{random.getrandbits(32)}".lower().replace("_", "-")
    namespace = "".join(c if c.isalnum() else "-" for c in name)
    return {
        "FIREBASE_DATABASE_URL": f"{server.url}/?ns={namespace}",
        "WALD_WAREHOUSE": str(tmp_path / "warehouse.duckdb"),
    }


@pytest.fixture
def store(settings: dict[str, str]) -> Store:
    return Store.connect(settings, timeout=5)


@pytest.fixture
def warehouse(settings: dict[str, str]) -> Warehouse:
    return Warehouse(Path(settings["WALD_WAREHOUSE"]))


def made(count: int, seed: int = 1) -> list[dict[str, Any]]:
    reports = random_reports(seed, installs=count, days=60)
    assert len(reports) >= count
    return [without_received(report) for report in reports[:count]]


def ids(warehouse: Warehouse) -> list[str]:
    with warehouse.reading() as snapshot:
        found = snapshot.connection.raw_sql("SELECT id FROM reports").fetchall()
    return sorted(str(one).replace("-", "") for (one,) in found)


def ids_of(*batches: list[dict[str, Any]]) -> list[str]:
    return sorted({report["id"] for batch in batches for report in batch})


def test_reads_everything_then_only_what_is_new(store: Store, warehouse: Warehouse) -> None:
    early, late = made(300), made(40, seed=2)
    store.add(early, arrived=NOW - timedelta(days=3))
    seen: list[Progress] = []
    assert sync(store, warehouse, progress=seen.append).new == 300
    assert seen[-1] == Progress(300, 300)
    before = warehouse.version()
    assert sync(store, warehouse).new == 0
    assert warehouse.version() == before, "nothing new, so readers keep what they have worked out"
    store.add(late, arrived=NOW)
    assert sync(store, warehouse).new == 40
    assert ids(warehouse) == ids_of(early, late)


def test_pages_through_reports_of_the_same_millisecond(store: Store, warehouse: Warehouse) -> None:
    batches = [made(120, seed) for seed in (1, 2, 3)]  # each batch shares one server time
    for batch in batches:
        store.add(batch, arrived=NOW)
    assert sync(store, warehouse, page_size=50).new == 360
    assert ids(warehouse) == ids_of(*batches)


class Limited(Store):
    """A database that refuses to answer with more reports than some at a time."""

    asked: ClassVar[list[int]] = []
    most = 100

    def arrived(self, shard: int, day: date, *, since: int, limit: int) -> Page:
        self.asked.append(limit)
        page = super().arrived(shard, day, since=since, limit=limit)
        if len(page.children) > self.most:
            raise DatabaseUnavailable("The data requested exceeds the maximum size")
        return page


@pytest.mark.parametrize("together", [15, 50])
def test_small_reports_are_read_in_larger_pages(
    settings: dict[str, str], warehouse: Warehouse, together: int
) -> None:
    """And in smaller ones from then on, where these are more than the database answers; also
    where more reports than those share one time."""
    Limited.asked.clear()
    store = Limited.connect(settings, timeout=5)
    batches = [made(50, seed) for seed in (1, 2, 3, 4)]
    for batch, ago in zip(batches, (9, 7, 5, 5), strict=True):
        for start in range(0, 50, together):
            store.add(batch[start : start + together], arrived=NOW - timedelta(days=ago))
    more = made(50, seed=5)
    store.add(more, arrived=NOW - timedelta(days=5))
    assert sync(store, warehouse, page_size=30).new == 250
    assert Limited.asked[:5] == [30, 150, 150, 150, 30]
    assert set(Limited.asked[5:]) == {30, 60}
    assert ids(warehouse) == ids_of(*batches, more)


def test_a_row_that_is_no_report_hides_none(store: Store, warehouse: Warehouse) -> None:
    reports = made(50)
    for start in range(0, 50, 5):
        store.add(reports[start : start + 5], arrived=NOW)
    day = store.shards[0].child(f"reports/{NOW.date().isoformat()}")
    first = min(report["received"] for report in day.get().values())
    day.update({"0" * 32: {"received": first, "app": 7}, "by hand": {"received": first}})
    sync(store, warehouse, page_size=10)
    assert ids(warehouse) == ids_of(reports)


def test_a_clock_that_is_ahead_hides_none(
    store: Store, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports that surface late, while this machine's clock is minutes ahead of the database's."""
    early, late = made(10), made(10, seed=2)
    store.add(early, arrived=NOW)
    sync(store, warehouse)
    day = store.shards[0].child(f"reports/{NOW.date().isoformat()}")
    last = max(report["received"] for report in day.get().values())
    day.update({report["id"]: {**report, "received": last - 500} for report in late})
    assert sync(store, warehouse).new == 10


def test_counts_a_report_once_that_arrived_on_two_days(store: Store, warehouse: Warehouse) -> None:
    reports = made(50)
    store.add(reports, arrived=NOW - timedelta(days=1))
    store.add(reports[:20], arrived=NOW)
    sync(store, warehouse)
    store.add(reports[10:30], arrived=NOW)
    sync(store, warehouse)
    assert ids(warehouse) == ids_of(reports)


def test_a_day_is_read_until_no_report_can_arrive_under_it(
    store: Store, warehouse: Warehouse
) -> None:
    first, straggler = made(10), made(5, seed=2)
    store.add(first, arrived=NOW)
    midnight = datetime.combine(NOW.date() + timedelta(days=1), datetime.min.time(), UTC)
    sync(store, warehouse, now=lambda: midnight + timedelta(minutes=59))
    store.add(straggler, arrived=NOW)
    assert sync(store, warehouse, now=lambda: midnight + timedelta(minutes=61)).new == 5


def test_two_at_once_both_succeed(warehouse: Warehouse, settings: dict[str, str]) -> None:
    store, reports = Store.connect(settings), made(3_000)
    store.add(reports, arrived=NOW)
    processes = [command("sync", settings=settings) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert ids(warehouse) == ids_of(reports)


def test_does_not_wait_where_asked_not_to(store: Store, warehouse: Warehouse) -> None:
    with loading(warehouse, "other", wait=True), pytest.raises(BlockingIOError):
        sync(store, warehouse, wait=False)


def test_a_reader_keeps_what_it_opened(store: Store, warehouse: Warehouse) -> None:
    store.add(made(10), arrived=NOW)
    sync(store, warehouse)
    store.add(made(10, seed=2), arrived=NOW)
    syncing = Thread(target=sync, args=(store, warehouse))
    with warehouse.reading() as snapshot:
        syncing.start()
        syncing.join(timeout=1)
        assert syncing.is_alive(), "it waits for the reader before it changes anything"
        assert snapshot.table("reports").count().execute() == 10
    syncing.join()
    assert len(ids(warehouse)) == 20


def test_readers_in_turns_do_not_keep_a_sync_out(store: Store, warehouse: Warehouse) -> None:
    """Of several threads, as those of the page, at least one reads at any moment."""
    store.add(made(10), arrived=NOW)
    sync(store, warehouse)
    store.add(made(10, seed=2), arrived=NOW)
    done = Event()
    seen: list[list[int]] = [[] for _ in range(4)]

    def read(counts: list[int]) -> None:
        while not done.is_set():
            with warehouse.reading() as snapshot:
                counts.append(snapshot.table("reports").count().execute())
                time.sleep(0.05)

    readers = [Thread(target=read, args=(counts,)) for counts in seen]
    for reader in readers:
        reader.start()
    try:
        assert sync(store, warehouse).new == 10
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert all(counts == sorted(counts) and set(counts) <= {10, 20} for counts in seen)


def test_pages_and_commands_read_and_sync_at_once(
    store: Store, warehouse: Warehouse, settings: dict[str, str], tmp_path: Path
) -> None:
    batches = [made(200, seed) for seed in range(6)]
    store.add(batches[0], arrived=NOW)
    sync(store, warehouse)

    def page(batch: list[dict[str, Any]]) -> int:
        store.add(batch, arrived=NOW)
        sync(Store.connect(settings), warehouse)
        return len(ids(warehouse))

    commands = [command("sync", settings=settings) for _ in range(2)]
    commands += [
        command("export", "--out", str(tmp_path / "csv"), settings=settings) for _ in range(2)
    ]
    with ThreadPoolExecutor(5) as pages:
        counts = list(pages.map(page, batches[1:]))
    assert [process.wait() for process in commands] == [0] * 4
    assert max(counts) == len(ids(warehouse)) == len(ids_of(*batches))


def test_shows_what_it_has_before_it_has_all(store: Store, warehouse: Warehouse) -> None:
    batches = [made(100, seed) for seed in range(4)]
    for number, batch in enumerate(batches):
        store.add(batch, arrived=NOW - timedelta(days=number))
    shown: list[int] = []

    def look(progress: Progress) -> None:
        shown.append(len(ids(warehouse)))

    sync(store, warehouse, progress=look, chunk=1)
    assert shown == sorted(shown)
    assert shown[0] == 0
    assert shown[1] in (0, 100)
    assert shown[2] in (100, 200), "a part is taken in beside the next one alone"
    assert shown[3] in (200, 300)
    assert shown[4] == 400


def test_keeps_what_came_before_the_database_went(tmp_path: Path, warehouse: Warehouse) -> None:
    """Also the part that is being taken in at that moment."""
    with running(tmp_path / "data") as server:
        store = Store.connect({"FIREBASE_DATABASE_EMULATOR_HOST": f"127.0.0.1:{server.port}"})
        for number in range(3):
            store.add(made(100, number), arrived=NOW - timedelta(days=5 - number))

        def go(progress: Progress) -> None:
            if progress.done == 300:
                server.kill()

        with pytest.raises(DatabaseUnavailable, match="does not answer"):
            sync(store, warehouse, progress=go, chunk=1)
    assert len(ids(warehouse)) == 300


def test_what_fails_while_a_part_is_taken_in_is_raised(store: Store, warehouse: Warehouse) -> None:
    with loading(warehouse, store.source, wait=True) as load:
        warehouse.path.write_bytes(b"no database" * 1000)
        load.add([b'{"id": "no report"}'])
        load.publish()
        with pytest.raises(duckdb.IOException):
            load.publish()


def test_forgotten_installs_vanish(store: Store, warehouse: Warehouse) -> None:
    reports = made(300)
    installs = sorted({report["install"] for report in reports})
    gone, late = set(installs[:5]), installs[5]
    store.add(reports, arrived=NOW)
    sync(store, warehouse)
    for install in gone:
        store.mark_forgotten(install)
    before = warehouse.version()
    assert sync(store, warehouse).new == 0
    assert warehouse.version() != before
    assert installs_of(warehouse) == set(installs) - gone
    again = {**reports[0], "id": "c" * 32, "install": installs[0]}
    store.add([again], arrived=NOW)
    assert sync(store, warehouse).new == 0, "reports that were on their way stay out too"

    def mark(progress: Progress) -> None:
        store.mark_forgotten(late)

    store.add([{**reports[0], "id": "d" * 32, "install": late}], arrived=NOW)
    sync(store, warehouse, progress=mark)
    assert installs_of(warehouse) == set(installs) - gone - {late}
    clean = Warehouse(warehouse.path.with_name("clean.duckdb"))
    sync(store, clean)
    assert contents(warehouse) == contents(clean), "nothing that counts installs counts them still"


def installs_of(warehouse: Warehouse) -> set[str]:
    """The installs that the warehouse's tables name; each of them names the same."""
    names = ("visits", "exposures", "deployments")
    tables = ("reports", *names, *(f"{name}_ci" for name in names))
    with warehouse.reading() as snapshot:
        ask = snapshot.connection.raw_sql
        found = [
            {install for (install,) in ask(f"SELECT DISTINCT install FROM {table}").fetchall()}
            for table in tables
        ]
        named = dict(ask("SELECT install, pseudonym FROM installs").fetchall())
    assert found[0] == found[1] | found[4] == set(named)
    assert found[0] >= found[2] | found[3] | found[5] | found[6]
    return {pseudonym.hex for pseudonym in named.values()}


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("UPDATE about SET schema_version = 0", "another version of Wald"),
        ("UPDATE about SET source = 'http://elsewhere'", "another database"),
        (None, "damaged"),
    ],
)
def test_builds_anew_what_it_can_not_use(
    store: Store, warehouse: Warehouse, harm: str | None, said: str
) -> None:
    store.add(made(10), arrived=NOW)
    sync(store, warehouse)
    if harm:
        with duckdb.connect(warehouse.path) as connection:
            connection.execute(harm)
    else:
        warehouse.path.write_bytes(b"no database" * 1000)
    rebuilt = sync(store, warehouse).rebuilt
    assert rebuilt is not None
    assert said in rebuilt
    assert len(ids(warehouse)) == 10


def test_says_when_there_is_nothing_to_read(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="dashboard sync"), warehouse.reading():
        pass


def test_keeps_what_it_has_when_the_database_is_gone(tmp_path: Path, warehouse: Warehouse) -> None:
    with running(tmp_path / "data") as server:
        store = Store.connect({"FIREBASE_DATABASE_EMULATOR_HOST": f"127.0.0.1:{server.port}"})
        store.add(made(10), arrived=NOW)
        sync(store, warehouse)
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        sync(store, warehouse)
    assert len(ids(warehouse)) == 10


def command(*words: str, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **settings}
    return subprocess.Popen([sys.executable, "-m", "dashboard", *words], cwd=ROOT, env=environment)
