"""A load on the function, in a process of its own: ``python -m tests.ingest.load``.

At a rate, requests are sent when they are due, whether or not those before were answered, as
clients do that know nothing of each other; a rate of 0 sends the next when the last is answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import uvloop

from tests.ingest.function import HOST
from tests.ingest.reports import report

TICK = 0.002
"""Seconds between looks at what is due."""


@dataclass
class Seen:
    """What became of the requests, and the ids (16 bytes each) of some of their reports."""

    statuses: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    """Requests whose connection ended before the answer."""
    held_back: int = 0
    """Requests that were due while every connection waited for an answer."""
    unexplained: int = 0
    """Refusals without Retry-After."""
    seconds: float = 0.0
    accepted: bytearray = field(default_factory=bytearray)
    doubtful: bytearray = field(default_factory=bytearray)
    """Neither accepted nor known to be refused: the database or the connection failed."""

    @property
    def rate(self) -> float:
        """Requests answered with 200 a second."""
        return self.statuses["200"] / self.seconds


class Client(asyncio.Protocol):
    """A connection that sends one request at a time."""

    def __init__(self, seen: Seen, request: bytes, idle: list[Client]) -> None:
        self._seen = seen
        # One request with places for ids: making JSON for each would cost more than sending it.
        self._request = bytearray(request)
        self._places = [
            place + 7 for place in range(len(request)) if request.startswith(b'"id": "', place)
        ]
        self._idle = idle
        self._ids = b""
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It may send."""
        self._transport = cast("asyncio.Transport", transport)
        self._idle.append(self)

    def send(self) -> None:
        """Send a request with new ids."""
        self._ids = os.urandom(16 * len(self._places))
        text = self._ids.hex().encode()
        for number, place in enumerate(self._places):
            self._request[place : place + 32] = text[32 * number : 32 * number + 32]
        self._transport.write(bytes(self._request))

    def data_received(self, data: bytes) -> None:
        """Take note of the answer once it is whole."""
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        head = head.lower()
        if not end or len(body) < int(head.partition(b"content-length:")[2].split(b"\r")[0]):
            return
        status = head[9:12].decode()
        self._seen.statuses[status] += 1
        wait = int(head.partition(b"retry-after:")[2].split(b"\r")[0] or 0)
        if status == "200":
            assert json.loads(body) == {"accepted": len(self._places), "rejected": []}
            self._seen.accepted += self._ids
        elif b"the database" in body:
            self._seen.doubtful += self._ids
        self._seen.unexplained += status != "200" and wait < 1
        self._ids = self._answer = b""
        self._idle.append(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Nothing more is sent here."""
        if self._ids:
            self._seen.lost += 1
            self._seen.doubtful += self._ids
            self._ids = b""
        elif self in self._idle:  # the server hangs up on who is silent for long
            self._idle.remove(self)

    @property
    def waiting(self) -> bool:
        """Whether an answer is due."""
        return bool(self._ids)


async def load(port: int, rate: float, seconds: float, batch: int, connections: int) -> Seen:
    """Send requests of `batch` reports each, and wait for all answers."""
    body = json.dumps({"schema": 1, "reports": [report() for _ in range(batch)]}).encode()
    head = f"POST /v1/reports HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    seen, idle = Seen(), list[Client]()
    loop = asyncio.get_running_loop()
    clients: list[Client] = []

    def client() -> Client:
        clients.append(Client(seen, request, idle))
        return clients[-1]

    for _ in range(connections):
        await loop.create_connection(client, HOST, port)
    start = time.perf_counter()
    due = 0
    while (passed := time.perf_counter() - start) < seconds:
        number = int(rate * passed) - due if rate else len(idle)
        due += number
        for _ in range(min(number, len(idle))):
            idle.pop(0).send()
            number -= 1
        seen.held_back += number
        await asyncio.sleep(TICK)
    seen.seconds = time.perf_counter() - start
    while any(one.waiting for one in clients):
        await asyncio.sleep(TICK)
    return seen


def loaded(
    port: int, folder: Path, *, rate: float, seconds: float, batch: int, connections: int
) -> Seen:
    """Load the function on this port from another process."""
    numbers = [str(port), str(rate), str(seconds), str(batch), str(connections)]
    command = [sys.executable, "-m", "tests.ingest.load", *numbers, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    said = json.loads(done.stdout)
    seen = Seen(statuses=Counter(said.pop("statuses")), **said)
    seen.accepted += (folder / "accepted").read_bytes()
    seen.doubtful += (folder / "doubtful").read_bytes()
    return seen


def main(arguments: Sequence[str] | None = None) -> None:
    """Load, and say what was seen: figures on standard output, ids in files of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("rate", type=float)
    parser.add_argument("seconds", type=float)
    parser.add_argument("batch", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("folder", type=Path)
    given = vars(parser.parse_args(arguments))
    folder: Path = given.pop("folder")
    said = vars(uvloop.run(load(**given)))
    for name in ("accepted", "doubtful"):
        (folder / name).write_bytes(said.pop(name))
    print(json.dumps(said))


if __name__ == "__main__":
    main()
