"""Sync: each report once, whatever happens in between."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboard.sync import Progress, sync
from dashboard.warehouse import Warehouse, WarehouseError
from ingest.store import DatabaseUnavailable, Store
from tests.dashboard.histories import random_reports
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
    return reports[:count]


def ids(warehouse: Warehouse) -> list[str]:
    snapshot = warehouse.read()
    rows = snapshot.connection.raw_sql("SELECT id FROM reports").fetchall()
    found = [row[0].hex for row in rows]
    snapshot.connection.disconnect()
    return sorted(found)


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
    lock = warehouse.path.with_name(f"{warehouse.path.name}.lock")
    os.utime(lock, (time.time() + 600,) * 2)
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


def test_goes_on_where_it_was_killed(
    store: Store, warehouse: Warehouse, settings: dict[str, str]
) -> None:
    reports = made(12_000)
    for start in range(0, len(reports), 500):
        store.add(reports[start : start + 500], arrived=NOW)
    draw = random.Random(7)
    for _ in range(6):
        process = command("sync", settings)
        time.sleep(draw.uniform(0.5, 2.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert command("sync", settings).wait() == 0
    assert ids(warehouse) == ids_of(reports)


def test_two_at_once_both_succeed(warehouse: Warehouse, settings: dict[str, str]) -> None:
    store, reports = Store.connect(settings), made(3_000)
    store.add(reports, arrived=NOW)
    processes = [command("sync", settings) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert ids(warehouse) == ids_of(reports)


def test_does_not_wait_where_asked_not_to(store: Store, warehouse: Warehouse) -> None:
    with warehouse.replacing("other", wait=True), pytest.raises(BlockingIOError):
        sync(store, warehouse, wait=False)


def test_a_reader_keeps_what_it_opened(store: Store, warehouse: Warehouse) -> None:
    store.add(made(10), arrived=NOW)
    sync(store, warehouse)
    snapshot = warehouse.read()
    store.add(made(10, seed=2), arrived=NOW)
    sync(store, warehouse)
    assert snapshot.table("reports").count().execute() == 10
    assert len(ids(warehouse)) == 20


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
        import duckdb

        with duckdb.connect(warehouse.path) as connection:
            connection.execute(harm)
    else:
        warehouse.path.write_bytes(b"no database" * 1000)
    rebuilt = sync(store, warehouse).rebuilt
    assert rebuilt is not None
    assert said in rebuilt
    assert len(ids(warehouse)) == 10


def test_says_when_there_is_nothing_to_read(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="dashboard sync"):
        warehouse.read()


def test_keeps_what_it_has_when_the_database_is_gone(tmp_path: Path, warehouse: Warehouse) -> None:
    with running(tmp_path / "data") as server:
        store = Store.connect({"FIREBASE_DATABASE_EMULATOR_HOST": f"127.0.0.1:{server.port}"})
        store.add(made(10), arrived=NOW)
        sync(store, warehouse)
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        sync(store, warehouse)
    assert len(ids(warehouse)) == 10


def command(name: str, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **settings}
    return subprocess.Popen([sys.executable, "-m", "dashboard", name], cwd=ROOT, env=environment)
