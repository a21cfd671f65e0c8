"""Far more than can be carried: what has no room is refused, and what is accepted is stored once.

`WALD_OVERLOAD_SECONDS` may be raised to try for longer.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.upkeep import counted
from tests.ingest.database import Database
from tests.ingest.function import Function, serving
from tests.ingest.load import Seen, loaded
from tests.ingest.watching import watched
from tests.rtdb.server import running

SECONDS = float(os.environ.get("WALD_OVERLOAD_SECONDS", "8"))
TIMES = 4
BATCH = 50
CROWD = 700
"""Connections; a process may often open 1,024 files."""
MEBIBYTE = 1024**2

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="reads /proc")


def carried(function: Function, folder: Path) -> Seen:
    """What it carries: 16 clients that wait for their answers."""
    return loaded(function.port, folder, rate=0, seconds=2, batch=BATCH, connections=16)


def ids(*seen: bytes | bytearray) -> list[str]:
    """Ids as text."""
    return [
        bytes(some[place : place + 16]).hex() for some in seen for place in range(0, len(some), 16)
    ]


def stored(database: Database) -> list[str]:
    """The id of every stored report, as often as it is stored."""
    reports = database.root.child("reports")
    return [
        key for day in reports.get(shallow=True) for key in reports.child(day).get(shallow=True)
    ]


def test_four_times_what_can_be_carried(tmp_path: Path) -> None:
    with running(tmp_path / "rtdb") as server:
        database = Database.on(server, "overload")
        with serving(database.url) as function:
            before = carried(function, tmp_path)
            assert set(before.statuses) == {"200"}
            with watched(function.memory, every=0.2) as held:
                rate = TIMES * before.rate
                during = loaded(
                    function.port,
                    tmp_path,
                    rate=rate,
                    seconds=SECONDS,
                    batch=BATCH,
                    connections=CROWD,
                )
            # Others may have used the machine: as quick again in one of some tries.
            after = [carried(function, tmp_path)]
            while after[-1].rate < before.rate / 2 and len(after) < 5:
                after.append(carried(function, tmp_path))
            figures = (
                f"carried {BATCH * before.rate:,.0f} reports/s, offered {TIMES} times as many for "
                f"{SECONDS:.0f} s: {dict(during.statuses)}, {during.held_back} held back, "
                f"{BATCH * during.rate:,.0f} reports/s accepted; then "
                f"{BATCH * after[-1].rate:,.0f} reports/s; "
                f"memory {held[0] // MEBIBYTE} MiB before, "
                f"{max(held) // MEBIBYTE} at most, {function.memory() // MEBIBYTE} after"
            )
            print(figures)
            assert set(during.statuses) == {"200", "503"}, figures
            assert (during.lost, during.unexplained) == (0, 0), figures
            assert max(held) - held[0] < 150 * MEBIBYTE, figures
            assert all(set(one.statuses) == {"200"} for one in after), figures
            assert after[-1].rate >= before.rate / 2, figures
            function.process.terminate()
            function.process.wait()
            said = function.said()
        assert "Traceback" not in said
        counts = counted(said.encode().splitlines())
        runs = (before, during, *after)
        assert counts["accepted", ""] == BATCH * sum(one.statuses["200"] for one in runs)
        assert counts["shed", ""] + counts["unavailable", ""] == during.statuses["503"]
        accepted = ids(*(one.accepted for one in runs))
        found = stored(database)
        assert len(found) == len(set(found))
        assert set(accepted) <= set(found)
        assert set(found) - set(accepted) <= set(ids(during.doubtful))


def test_one_address_alone_gets_no_further_than_its_limit(tmp_path: Path) -> None:
    with running(tmp_path / "rtdb") as server:
        database = Database.on(server, "flood")
        with serving(database.url, limits="on") as function:
            flood = loaded(
                function.port, tmp_path, rate=1500, seconds=5, batch=1, connections=CROWD
            )
        assert {"200", "429"} <= set(flood.statuses) <= {"200", "429", "503"}
        assert (flood.lost, flood.unexplained) == (0, 0)
        found = stored(database)
        assert set(ids(flood.accepted)) <= set(found)
        assert set(found) - set(ids(flood.accepted)) <= set(ids(flood.doubtful))
