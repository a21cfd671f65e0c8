"""`python -m ingest import`, run as its users run it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ingest import history
from ingest.store import Store
from tests.ingest.database import Database, as_stored, today
from tests.ingest.function import ROOT, settings
from tests.ingest.reports import JsonReport, crash, report, without
from tests.rtdb.server import Server
from wald.report import MAX_BATCH


@pytest.fixture
def database(local: Server) -> Database:
    """A database of its own for each test, emptied first."""
    database = Database.on(local, "import")
    database.root.delete()
    return database


def run(
    database: Database, file: Path | str, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Import a file."""
    return subprocess.run(
        [sys.executable, "-m", "ingest", "import", str(file)],
        cwd=ROOT,
        env=settings(FIREBASE_DATABASE_URL=database.url),
        input=stdin,
        capture_output=True,
        check=False,
    )


def line(one: JsonReport) -> bytes:
    """A report as a line."""
    return json.dumps(one).encode() + b"\n"


def ids(database: Database) -> list[str]:
    """The id of every stored report, as often as it is stored."""
    return sorted(one["id"] for one in database.reports())


def test_history_is_stored_with_its_times_under_the_day_of_the_import(
    database: Database, tmp_path: Path
) -> None:
    years = [report(time=moment) for moment in (0, 1_600_000_000_000, 4_102_444_800_000)]
    reports = [*years, crash(), report(metrics={})]
    file = tmp_path / "history.jsonl"
    file.write_bytes(b"".join(map(line, reports)))
    first_day = today()
    done = run(database, file)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"stored 5, refused 0\n", b"")
    days = database.days()
    assert set(days) <= {first_day, today()}
    held = {key: one for day in days.values() for key, one in day.items()}
    assert all(one.pop("received") > 1_600_000_000_000 for one in held.values())
    assert held == {one["id"]: as_stored(one) for one in reports}


def test_standard_input(database: Database) -> None:
    reports = [report() for _ in range(3)]
    done = run(database, "-", b"".join(map(line, reports)))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"stored 3, refused 0\n", b"")
    assert ids(database) == sorted(one["id"] for one in reports)


def test_refused_lines_are_numbered_and_the_others_stored(database: Database) -> None:
    good = [report() for _ in range(4)]
    lines = [
        line(good[0]),
        b"\n",
        b"garbage\n",
        b"  \t \r\n",
        line(good[1]).replace(b"\n", b"\r\n"),
        line(without("app", report())),
        b'{"id": "\xff"}\n',
        b"\x00\x01\x02\n",
        line(report(**{"\x1b[2Jname": 1})),
        line(good[2]),
        b"[" * 100_000 + b"\n",
        b'{"id": "' + b"x" * 3 * 1024**2 + b'"}\n',
        line(good[3])[:-1],
    ]
    done = run(database, "-", b"".join(lines))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [
        "line 3 refused: JSON is malformed: invalid character (byte 0)",
        "line 6 refused: Object missing required field `app`",
        "line 7 refused: JSON is not UTF-8",
        "line 8 refused: JSON is malformed: invalid character (byte 0)",
        "line 9 refused: Object contains unknown field `\N{REPLACEMENT CHARACTER}[2Jname`",
        "line 11 refused: Expected `object`, got `array`",
        "line 12 refused: report is longer than 131072 bytes",
        "stored 4, refused 7",
    ]
    assert ids(database) == sorted(one["id"] for one in good)


@pytest.mark.parametrize("content", [b"", b"\n\n \n", b"\n" * 2000])
def test_nothing_to_import(database: Database, content: bytes) -> None:
    done = run(database, "-", content)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"stored 0, refused 0\n", b"")
    assert database.days() == {}


def test_an_import_run_twice_doubles_nothing(database: Database) -> None:
    reports = [report() for _ in range(1203)]  # two full updates and a rest
    content = b"".join(map(line, reports))
    first_day = today()
    assert run(database, "-", content).stdout == b"stored 1203, refused 0\n"
    assert ids(database) == sorted(one["id"] for one in reports)
    assert run(database, "-", content).stdout == b"stored 1203, refused 0\n"
    assert {key for day in database.days().values() for key in day} == {r["id"] for r in reports}
    assert set(database.days()) == {first_day} or today() != first_day


def test_reports_of_forgotten_installs_are_refused(local: Server) -> None:
    shards = [Database.on(local, f"import-forgotten-{number}") for number in range(2)]
    store = Store.connect({"FIREBASE_DATABASE_URL": ",".join(shard.url for shard in shards)})
    gone = [f"{number:08x}" + "0" * 24 for number in range(2)]  # one in each database
    for install in gone:
        store.mark_forgotten(install)
    kept = [report() for _ in range(3)]
    lines = [line(report(install=gone[0])), *map(line, kept), line(report(install=gone[1]))]
    urls = Database(",".join(shard.url for shard in shards), shards[0].root)
    done = run(urls, "-", b"".join(lines))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [
        "line 1 refused: this install was forgotten, as it asked to be",
        "line 5 refused: this install was forgotten, as it asked to be",
        "stored 3, refused 2",
    ]
    held = [one["id"] for shard in shards for one in shard.reports()]
    assert sorted(held) == sorted(one["id"] for one in kept)


def test_an_install_that_is_forgotten_during_the_import(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "FRESH", 0.0)
    store = Store.connect({"FIREBASE_DATABASE_URL": database.url})
    one = report()
    lines = [line(report(install=one["install"])) for _ in range(2 * MAX_BATCH)]
    refused = []
    done = history.import_lines(
        io.BytesIO(b"".join(lines)),
        store,
        refuse=lambda number, _: refused.append(number),
        advance=lambda _: store.mark_forgotten(one["install"]),
    )
    assert done == history.Progress(2 * MAX_BATCH, MAX_BATCH, MAX_BATCH)
    assert refused == list(range(MAX_BATCH + 1, 2 * MAX_BATCH + 1))


def test_an_array_over_many_lines_is_refused_line_by_line(database: Database) -> None:
    content = json.dumps([report(), report()], indent=1).encode()
    done = run(database, "-", content)
    assert done.returncode == 0
    *refused, summary = done.stdout.decode().splitlines()
    assert summary == f"stored 0, refused {len(content.splitlines())}"
    assert [each.split(":")[0] for each in refused] == [
        f"line {number} refused" for number in range(1, len(refused) + 1)
    ]


def test_a_file_of_one_endless_line_takes_no_memory(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "endless"
    with file.open("wb") as stream:
        stream.truncate(600 * 1024**2)  # a hole: no disk is taken
    limited = "import resource, runpy, sys; sys.argv[:2] = ['ingest', 'import']; "
    limited += "resource.setrlimit(resource.RLIMIT_DATA, (2**29, 2**29)); "
    limited += "runpy.run_module('ingest', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", limited, "import", str(file)],
        cwd=ROOT,
        env=settings(FIREBASE_DATABASE_URL=database.url),
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [
        "line 1 refused: report is longer than 131072 bytes",
        "stored 0, refused 1",
    ]


def test_a_file_that_cannot_be_read(database: Database, tmp_path: Path) -> None:
    missing = run(database, tmp_path / "none.jsonl")
    sentence = f"can't read {tmp_path}/none.jsonl: No such file or directory\n"
    assert (missing.returncode, missing.stdout, missing.stderr) == (1, b"", sentence.encode())
    folder = run(database, tmp_path)
    sentence = f"can't read {tmp_path}: Is a directory\n"
    assert (folder.returncode, folder.stdout, folder.stderr) == (1, b"", sentence.encode())


def test_a_reader_that_stops_listening(database: Database, tmp_path: Path) -> None:
    """As in ``python -m ingest import FILE | head -1``."""
    file = tmp_path / "garbage"
    file.write_bytes(b"garbage\n" * 50_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "ingest", "import", str(file)],
        cwd=ROOT,
        env=settings(FIREBASE_DATABASE_URL=database.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == (
        b"line 1 refused: JSON is malformed: invalid character (byte 0)\n"
    )
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert said == b"nobody reads what the import says, so it stopped; run it again to go on\n"
