"""The local Realtime Database beside what its engine and its web server do without it.

`python -m bench.rtdb` prints each figure with its budget and its yardstick from the same run.
"""

import asyncio
import json
import os
import secrets
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RULES = ROOT / "database.rules.json"
HELD = int(os.environ.get("BENCH_RTDB_HELD", "200000"))
BATCH = 500
HEAD = "Host: x\r\nAuthorization: Bearer owner\r\n"


def main() -> None:
    """Print the figures; about two minutes with 200,000 reports held."""
    print(f"{'rtdb':42} {'measured':>14}   budget and yardstick")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        singles(data)
        batches_and_reads(data)


def singles(data: Path) -> None:
    """Single durable writes over 32 connections."""
    engine = engine_commits(data / "engine.sqlite3", 1.5)
    with serving("bench.rtdb:empty_app") as port:
        empty = asyncio.run(rate(port, 32, 4000, lambda _: put_request()))
    with database(data / "singles") as (port, _):
        measured = asyncio.run(rate(port, 32, 8000, lambda _: put_request()))
    row("single writes, 32 connections", f"{measured:,.0f}/s", "≥ 2,000/s")
    row("", f"{engine:,.0f}/s", "the engine's own commits, one row each, one after another")
    row("", f"{empty:,.0f}/s", "an empty ASGI application, the same requests")


def batches_and_reads(data: Path) -> None:
    """Updates of 500, and what can be read while so many reports are held."""
    engine = engine_rows(data / "rows.sqlite3", 60)
    folder = data / "held"
    with database(folder) as (port, process):
        fresh = asyncio.run(update_rate(port, 4, 100))
        row("children/s in updates of 500", f"{fresh:,.0f}/s", "≥ 30,000/s, 4 connections")
        row("", f"{engine:,.0f}/s", "the engine's own rows, committed by 500, keys alone indexed")
        size, seconds = read_all(port, "/reports/2026-01-01.json?ns=bench")
        row("reading a day of 50,000", f"{size / seconds / 1e6:,.0f} MB/s", "≥ 50 MB/s")
        held = asyncio.run(update_rate(port, 4, max(0, HELD // BATCH - 100)))
        row(f"children/s up to {HELD:,} held", f"{held:,.0f}/s", "")
        page = '/reports/2026-01-01.json?ns=bench&orderBy="received"&startAt={}&limitToFirst=1000'
        _, seconds = read_all(port, page.format(1))
        row(
            "the first query by an index after that",
            f"{seconds:,.1f} s",
            "entries are caught up on",
        )
        seconds = min(read_all(port, page.format(1))[1] for _ in range(5))
        row("a page of 1,000 by received", f"{seconds * 1000:,.1f} ms", "does not scan the day")
        pages_of_day(port)
        row("memory after reading it page by page", f"{resident(process.pid)} MiB", "< 300 MiB")
    started = time.perf_counter()
    with database(folder) as (_, process):
        row(f"start with {HELD:,} held", f"{time.perf_counter() - started:.2f} s", "< 1 s")
        row("memory at rest", f"{resident(process.pid)} MiB", "< 200 MiB")
    idle = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import uvicorn"], check=True, cwd=ROOT)
    row("", f"{time.perf_counter() - idle:.2f} s", "a Python that only imports the web server")


def row(what: str, measured: str, beside: str) -> None:
    """Print one line of the table."""
    print(f"{what:42} {measured:>14}   {beside}", flush=True)


@contextmanager
def database(folder: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The server under test."""
    words = ["--port", "0", "--data", str(folder), "--rules", str(RULES)]
    process = subprocess.Popen(
        [sys.executable, "-m", "rtdb", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline().rsplit(":", 1)[1]), process
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextmanager
def serving(application: str) -> Iterator[int]:
    """A bare application on the same web server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    words = [application, "--port", str(port), "--log-level", "error", "--no-access-log"]
    process = subprocess.Popen([sys.executable, "-m", "uvicorn", *words], cwd=ROOT)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


async def empty_app(scope: dict[str, Any], receive: Callable[[], Any], send: Any) -> None:
    """Take the body, answer nothing."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def report() -> dict[str, Any]:
    """A report of usual size."""
    return {
        "id": secrets.token_hex(16),
        "app": "demo",
        "install": secrets.token_hex(16),
        "time": 1767225600000 + secrets.randbelow(10**7),
        "kind": "run",
        "operation": "install",
        "solution": "fail2ban",
        "outcome": "ok",
        "duration_ms": 1234,
        "ci": False,
        "dropped": 0,
        "received": {".sv": "timestamp"},
        "metrics": {
            "os": "Linux",
            "os_version": "6.1.0-13-amd64",
            "package_version": "1.4.2",
            "py_version": "3.11.7",
            "timezone": "+02:00",
        },
    }


def http(method: str, target: str, body: bytes) -> bytes:
    """A request as bytes."""
    head = f"{method} {target} HTTP/1.1\r\n{HEAD}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def put_request() -> bytes:
    """One report, put at its place."""
    one = report()
    target = f"/reports/2026-01-01/{one['id']}.json?ns=bench&print=silent"
    return http("PUT", target, json.dumps(one).encode())


def update_request() -> bytes:
    """500 reports in one update."""
    reports = [report() for _ in range(BATCH)]
    update = {f"2026-01-01/{one['id']}": one for one in reports}
    return http("PATCH", "/reports.json?ns=bench&print=silent", json.dumps(update).encode())


async def rate(port: int, connections: int, count: int, make: Callable[[int], bytes]) -> float:
    """Requests a second over so many connections, the requests made beforehand."""
    requests = [make(n) for n in range(count)]
    waiting = iter(requests)

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 204"), head
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(connections)))
    return count / (time.perf_counter() - started)


async def update_rate(port: int, connections: int, count: int) -> float:
    """Children a second in updates, sent some at a time so that few stand in memory."""
    seconds, done = 0.0, 0
    while done < count:
        some = min(100, count - done)
        seconds += some / await rate(port, connections, some, lambda _: update_request())
        done += some
    return done * BATCH / seconds if seconds else 0.0


def read_all(port: int, target: str) -> tuple[int, float]:
    """How many bytes the answer has, and how long it took."""
    started = time.perf_counter()
    size = sum(map(len, answer(port, target)))
    return size, time.perf_counter() - started


def answer(port: int, target: str) -> Iterator[bytes]:
    """The answer's bytes as they come."""
    head = HEAD + "Connection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\n{head}".encode())
        while part := connection.recv(1 << 20):
            yield part


def pages_of_day(port: int) -> None:
    """Read the day by its keys, 10,000 reports at a time."""
    for first in "0123456789abcdef":
        bounds = f'startAt="{first}-"&endBefore="{first}g"'  # no integers, which sort first
        read_all(port, f'/reports/2026-01-01.json?ns=bench&orderBy="$key"&{bounds}')


def engine_commits(file: Path, seconds: float) -> float:
    """Durable commits a second of one row each."""
    db = engine(file)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        db.execute("INSERT INTO row VALUES (?, ?)", (secrets.token_bytes(50), b"x" * 500))
        count += 1
    db.close()
    return count / seconds


def engine_rows(file: Path, commits: int) -> float:
    """Rows a second, committed by 500."""
    db = engine(file)
    started = time.perf_counter()
    for _ in range(commits):
        rows = sorted((secrets.token_bytes(50), b"x" * 500) for _ in range(BATCH))
        db.execute("BEGIN")
        db.executemany("INSERT INTO row VALUES (?, ?)", rows)
        db.execute("COMMIT")
    db.close()
    return commits * BATCH / (time.perf_counter() - started)


def engine(file: Path) -> sqlite3.Connection:
    """The engine with nothing around it."""
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA wal_autocheckpoint = 50000")
    db.execute("CREATE TABLE row (key BLOB UNIQUE, value BLOB)")
    return db


def resident(pid: int) -> int:
    """A process's memory in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    raise RuntimeError(f"no memory figure for process {pid}")


if __name__ == "__main__":
    main()
