"""A database that dies during an import: every report is there once it is back, and once only."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from ingest.history import ImportStopped, Progress, import_lines
from ingest.store import Store
from tests.ingest.database import Database
from tests.ingest.function import ROOT, settings
from tests.ingest.reports import JsonReport, report
from tests.rtdb.server import running


def lines(reports: list[JsonReport]) -> bytes:
    """Reports as a file."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in reports)


def whole(reports: list[JsonReport]) -> dict[str, JsonReport]:
    """Reports by id."""
    return {one["id"]: one for one in reports}


def held(database: Database) -> dict[str, JsonReport]:
    """The stored reports by id, as they were sent; none is stored twice."""
    found = database.reports()
    by_id = {
        one["id"]: {key: value for key, value in one.items() if key != "received"} for one in found
    }
    assert len(by_id) == len(found)
    return by_id


def no_refusal(line: int, reason: str) -> None:
    """To be called for a refused line, of which there is none."""
    raise AssertionError(f"line {line}: {reason}")


def after(stored: int, act: Callable[[], None]) -> Callable[[Progress], None]:
    """Act once, when this many reports are stored."""
    waiting = [act]

    def advance(progress: Progress) -> None:
        if progress.stored >= stored and waiting:
            waiting.pop()()

    return advance


def test_kill_9_and_a_restart_lose_and_double_nothing(tmp_path: Path) -> None:
    reports = [report() for _ in range(20_000)]
    with running(tmp_path) as server:
        database = Database.on(server, "history")
        process = subprocess.Popen(
            [sys.executable, "-m", "ingest", "import", "-"],
            cwd=ROOT,
            env=settings(FIREBASE_DATABASE_URL=database.url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write(lines(reports[:10_000]))  # blocks until nearly all of it was read
        server.kill()
        # The rest comes while nothing answers; what was under way has to be sent again.
        answers: list[tuple[bytes, bytes]] = []
        rest = lines(reports[10_000:])
        feeding = threading.Thread(target=lambda: answers.append(process.communicate(rest)))
        feeding.start()
        with running(tmp_path, port=server.port):
            feeding.join()
            assert answers == [(b"stored 20000, refused 0\n", b"")]
            assert process.returncode == 0
            assert held(database) == whole(reports)


@pytest.mark.parametrize("kill_at", [500, 4_500])
def test_an_import_waits_for_the_database(tmp_path: Path, kill_at: int) -> None:
    reports = [report() for _ in range(5_000)]
    with ExitStack() as stack:
        server = stack.enter_context(running(tmp_path))
        database = Database.on(server, "history")
        restarting = threading.Thread(
            target=lambda: stack.enter_context(running(tmp_path, port=server.port))
        )

        def kill_and_restart() -> None:
            server.kill()
            restarting.start()

        done = import_lines(
            io.BytesIO(lines(reports)),
            Store.connect({"FIREBASE_DATABASE_URL": database.url}),
            refuse=no_refusal,
            advance=after(kill_at, kill_and_restart),
        )
        restarting.join()
        assert done == Progress(5_000, 5_000, 0)
        assert held(database) == whole(reports)


def test_an_import_that_gives_up_says_what_is_stored(tmp_path: Path) -> None:
    kill_at = 1_500
    reports = [report() for _ in range(2_000)]
    refused: list[int] = []
    content = b"garbage\n" + lines(reports)
    with running(tmp_path) as server:
        database = Database.on(server, "history")
        store = Store.connect({"FIREBASE_DATABASE_URL": database.url})
        with pytest.raises(ImportStopped) as stopped:
            import_lines(
                io.BytesIO(content),
                store,
                refuse=lambda line, reason: refused.append(line),
                advance=after(kill_at, server.kill),
                patience=0.5,
            )
        assert str(stopped.value) == (
            f"The database at {server.url} does not answer. Stored {kill_at} reports, all of them "
            f"up to line {kill_at + 1}; run the same import again to go on, nothing is stored twice"
        )
        assert refused == [1]
        with running(tmp_path, port=server.port):
            assert held(database) == whole(reports[:kill_at])
            again = import_lines(
                io.BytesIO(content), store, refuse=lambda line, reason: None, advance=print
            )
            assert again == Progress(2_001, 2_000, 1)
            assert held(database) == whole(reports)
