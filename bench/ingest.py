"""How many reports a second the function takes, every answer durable in rtdb on the same machine.

Two yardsticks, run in turns with it: an empty ASGI function, served the same way, and the plain
way, one firebase-admin push a request, as most tutorials do it. The load comes from a process of
its own, with keep-alive connections that send the next request as soon as they have the answer.

Where there are several cores, each function has the first to itself and the load keeps to the
others, as clients are elsewhere: a kernel wakes a client on the core that answered it, where it
takes the function's place although another core idles. The database runs where it likes.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.request import Request, urlopen

import uvloop

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
CONNECTIONS = 64
SECONDS = 2.0
ROUNDS = 11
BATCH = 50

CORES = sorted(os.sched_getaffinity(0))
OF_FUNCTIONS, OF_LOAD = CORES[:1], CORES[1:] or CORES

EMPTY = """
from starlette.responses import Response

async def ingest(request):
    return Response(b'{"accepted":1,"rejected":[]}', media_type="application/json")
"""

PLAIN = """
import os
import firebase_admin
from firebase_admin import db

app = None

def ingest(request):
    global app
    if app is None:
        app = firebase_admin.initialize_app()
    for report in request.get_json()["reports"]:
        db.reference("/reports", app=app, url=os.environ["FIREBASE_DATABASE_URL"]).push(report)
    return {"accepted": 1}
"""


def body(count: int) -> bytes:
    """A request's body of so many reports, as the collector sends them."""
    reports = [
        {
            "id": secrets.token_hex(16),
            "app": "logtally",
            "install": secrets.token_hex(16),
            "time": time.time_ns() // 1_000_000,
            "kind": "run",
            "operation": "install",
            "solution": "fail2ban",
            "outcome": "ok",
            "duration_ms": 1234,
            "metrics": {
                "os": "Linux",
                "os_version": "Debian GNU/Linux 12",
                "py_version": "3.11.2",
                "package_version": "1.4.2",
                "timezone": "+01:00",
                "plugins": 3,
            },
            "ci": False,
            "dropped": 0,
        }
        for _ in range(count)
    ]
    return json.dumps({"schema": 1, "reports": reports}).encode()


@dataclass
class Load:
    """What one run of requests saw."""

    statuses: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    p50: float = 0.0
    """Median of the time to an answer, in ms."""
    p99: float = 0.0
    """Its 99th percentile."""
    cpu: float = 0.0
    """Share of a core that the load itself took."""

    @property
    def rate(self) -> float:
        """Requests answered with 200 a second."""
        return self.statuses.get("200", 0) / self.seconds


class Connection(asyncio.Protocol):
    """Sends a request, waits for its answer, sends the next."""

    def __init__(self, load: Load, head: bytes, batch: int, until: float) -> None:
        self.load = load
        self.head = head
        self.until = until
        # One body with places for ids: making JSON for each would cost more than sending it.
        self.body = body(batch)
        self.marks = [i for i in range(len(self.body)) if self.body.startswith(b'"id": "', i)]
        self.answer = b""
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self.transport = cast(asyncio.Transport, transport)
        self.send()

    def send(self) -> None:
        """Send a request with new ids."""
        request = bytearray(self.body)
        ids = os.urandom(16 * len(self.marks)).hex().encode()
        for number, mark in enumerate(self.marks):
            request[mark + 7 : mark + 39] = ids[32 * number : 32 * number + 32]
        self.started = time.perf_counter()
        self.transport.write(self.head + request)

    def data_received(self, data: bytes) -> None:
        """Count the answer once it is whole."""
        self.answer += data
        head, end, rest = self.answer.partition(b"\r\n\r\n")
        if not end or len(rest) < _length(head):
            return
        self.latencies.append(time.perf_counter() - self.started)
        status = self.answer[9:12].decode()
        self.load.statuses[status] = self.load.statuses.get(status, 0) + 1
        self.answer = b""
        if time.perf_counter() < self.until:
            self.send()
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        """The last one was answered."""
        self.done.set_result(None)


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].split(b"\r", 1)[0])


async def _send(port: int, batch: int, seconds: float) -> Load:
    load = Load()
    head = (
        f"POST /v1/reports HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body(batch))}\r\n\r\n"
    ).encode()
    cpu, start = time.process_time(), time.perf_counter()
    loop = asyncio.get_running_loop()
    connections = [
        await loop.create_connection(
            lambda: Connection(load, head, batch, start + seconds), HOST, port
        )
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in connections))
    load.seconds = time.perf_counter() - start
    latencies = [one for _, protocol in connections for one in protocol.latencies]
    percentiles = statistics.quantiles(latencies, n=100)
    load.p50, load.p99 = 1000 * percentiles[49], 1000 * percentiles[98]
    load.cpu = (time.process_time() - cpu) / load.seconds
    return load


def sent(port: int, batch: int, seconds: float = SECONDS) -> Load:
    """Load the function on this port from another process."""
    command = [sys.executable, "-m", "bench.ingest", str(port), str(batch), str(seconds)]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=seconds + 60
    )
    return Load(**json.loads(done.stdout))


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """Serve an empty database; yields its address."""
    command = [sys.executable, "-m", "rtdb", "--port", "0", "--data", str(folder)]
    command += ["--rules", str(ROOT / "database.rules.json")]
    with _ended(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1] + "/?ns=bench"


@contextmanager
def function(source: Path, url: str, *options: str) -> Iterator[int]:
    """Serve a function as it is served in the cloud; yields its port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "functions_framework", "--source", str(source), *options]
    command += ["--target", "ingest", "--host", HOST, "--port", str(port)]
    environment = {**os.environ, "FIREBASE_DATABASE_URL": url, "WALD_LIMITS": "off"}
    environment["PYTHONPATH"] = f"{ROOT}:{ROOT / 'collector'}"
    with _ended(
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, text=True)
    ) as process:
        os.sched_setaffinity(process.pid, OF_FUNCTIONS)  # before it starts threads and workers
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    break
            time.sleep(0.1)
        yield port


@contextmanager
def _ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def stored(url: str) -> int:
    """Reports that the database holds."""
    base, query = url.split("?")

    def keys(path: str) -> list[str]:
        address = f"{base}{path}.json?shallow=true&{query}"
        with urlopen(Request(address, headers={"Authorization": "Bearer owner"})) as answer:
            return list(json.load(answer) or {})

    return sum(len(keys(f"reports/{day}")) for day in keys("reports"))


def main() -> None:
    """Print the rates beside their yardsticks and budgets."""
    with tempfile.TemporaryDirectory(prefix="wald-bench-") as folder, ExitStack() as stack:
        for name, text in (("empty", EMPTY), ("plain", PLAIN)):
            Path(folder, f"{name}.py").write_text(text)
        # Each load has a database of its own, so that none meets what another left to be tidied up.
        singles, batches, others = (
            stack.enter_context(database(Path(folder, name)))
            for name in ("singles", "batches", "others")
        )
        source = ROOT / "ingest/main.py"
        single, batched = (
            stack.enter_context(function(source, url, "--asgi")) for url in (singles, batches)
        )
        empty = stack.enter_context(function(Path(folder, "empty.py"), others, "--asgi"))
        plain = stack.enter_context(function(Path(folder, "plain.py"), others))
        for port in (single, batched, empty, plain):
            sent(port, 1, 0.5)
        before = stored(singles) + stored(batches)
        rounds = [
            (sent(empty, 1), sent(single, 1), sent(batched, BATCH), sent(plain, 1))
            for _ in range(ROUNDS)
        ]
        _print(rounds)
        answered = sum(one.statuses.get("200", 0) for _, one, _, _ in rounds)
        answered += sum(BATCH * many.statuses.get("200", 0) for _, _, many, _ in rounds)
        held = stored(singles) + stored(batches)
        print(f"ingest: accepted {answered:,}, stored {held - before:,}")


def _print(rounds: list[tuple[Load, Load, Load, Load]]) -> None:
    names = ("an empty function", "one report a request", f"batches of {BATCH}", "a push a request")
    for number, name in enumerate(names):
        loads = [loads[number] for loads in rounds]
        rate = statistics.median(load.rate for load in loads)
        p99 = statistics.median(load.p99 for load in loads)
        cpu = max(load.cpu for load in loads)
        refused = sum(sum(load.statuses.values()) for load in loads)
        refused -= sum(load.statuses.get("200", 0) for load in loads)
        print(
            f"ingest: {name:22} {rate:8,.0f} requests/s, p99 {p99:6.1f} ms, "
            f"the load itself {cpu:4.0%} of a core, {refused} refused"
        )
    ratio = statistics.median(one.rate / empty.rate for empty, one, _, _ in rounds)
    reports = statistics.median(BATCH * many.rate for _, _, many, _ in rounds)
    plain = statistics.median(one.rate / push.rate for _, one, _, push in rounds)
    p99 = statistics.median(one.p99 for _, one, _, _ in rounds)
    print(f"ingest: of the empty function's rate {ratio:10.2f} (budget ≥ 0.5)")
    print(f"ingest: p99 of single reports     {p99:10.1f} ms (budget < 100 ms)")
    print(f"ingest: reports/s in batches      {reports:10,.0f} (budget ≥ 15,000)")
    print(f"ingest: times the plain way's rate {plain:9.1f}")


if __name__ == "__main__":
    port, batch, seconds = sys.argv[1:]
    os.sched_setaffinity(0, OF_LOAD)
    load = uvloop.run(_send(int(port), int(batch), float(seconds)))
    print(json.dumps(vars(load)))
