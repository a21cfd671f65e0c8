"""A sync that is killed, again and again: nothing is lost, doubled or half there."""

from __future__ import annotations

import multiprocessing
import random
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard.sync import sync
from dashboard.warehouse import Warehouse
from ingest.store import Store
from tests.dashboard import syncing
from tests.dashboard.histories import contents, random_reports, without_received
from tests.rtdb.server import running

KILLS = 100
NOW = datetime.now(UTC)


def test_killed_a_hundred_times_it_holds_what_one_run_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports keep coming meanwhile, some again on a later day, and installs are forgotten."""
    # Each process begins by importing the main module, which may be a page that a test drew.
    monkeypatch.setitem(sys.modules, "__main__", syncing)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([syncing.__name__])
    draw = random.Random(11)
    reports = [without_received(report) for report in random_reports(5, installs=900, days=60)]
    with running(tmp_path / "rtdb") as server:
        settings = {
            "FIREBASE_DATABASE_URL": f"{server.url}/?ns=killed",
            "WALD_WAREHOUSE": str(tmp_path / "killed.duckdb"),
        }
        store, warehouse = Store.connect(settings), Warehouse(tmp_path / "killed.duckdb")
        killed = came = in_the_middle = 0
        life = 0.3  # seconds that a process lives at most: about as long as a whole run takes here
        while killed < KILLS:
            some = reports[came : came + 30]
            came += len(some)
            store.add(some[:20], arrived=NOW - timedelta(days=draw.randrange(1, 4)))
            store.add(some[15:], arrived=NOW)
            if draw.random() < 0.1:
                store.mark_forgotten(draw.choice(reports[:came])["install"])
            before = warehouse.version()
            process = processes.Process(target=syncing.sync_in_small_parts, args=(settings,))
            process.start()
            process.join(draw.uniform(0, life))
            process.kill()
            process.join()
            assert process.exitcode in (0, -signal.SIGKILL)
            was_killed, wrote = process.exitcode != 0, warehouse.version() != before
            killed += was_killed
            in_the_middle += was_killed and wrote
            life *= 0.8 if not was_killed else 1 if wrote else 1.05
            if warehouse.version() and killed % 10 == 0:
                assert_no_report_is_doubled(warehouse)
        sync(store, warehouse)
        clean = Warehouse(tmp_path / "clean.duckdb")
        sync(store, clean)
        assert came < len(reports), "there was something to read for each process"
        assert in_the_middle > KILLS / 10, "many were killed after some parts and before others"
    assert contents(warehouse) == contents(clean)
    assert sum(map(len, contents(clean).values())) > 0


def assert_no_report_is_doubled(warehouse: Warehouse) -> None:
    ids = [row[0] for row in contents(warehouse)["reports"]]
    assert len(set(ids)) == len(ids)
