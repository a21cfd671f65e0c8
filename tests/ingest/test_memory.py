"""No request takes much memory, whatever it holds, and many that wait take little together."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.ingest.database import Database
from tests.ingest.function import HOST, Function, serving
from tests.ingest.reports import report
from tests.ingest.slow import slow_proxy
from tests.rtdb.server import Server

MEBIBYTE = 1024**2
MAX_UNPACKED = 8 * MEBIBYTE
PACKED = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
WAITING = 150

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="reads /proc")


@pytest.fixture
def fresh(local: Server) -> Iterator[Function]:
    """A function that served nothing large before."""
    with serving(Database.on(local, "memory").url) as started:
        assert requests.post(f"{started.url}/v1/reports", json={}).status_code == 400
        yield started


def packed(before: bytes, filling: bytes, after: bytes) -> bytes:
    """A body that is as long as allowed once it is unpacked, and short as sent."""
    count = (MAX_UNPACKED - len(before) - len(after)) // len(filling)
    return gzip.compress(before + count * filling + after)


EVERY_REPORT = b'{"schema": 1, "reports": ['
METRICS = json.dumps(report(metrics={})).encode().partition(b"{}")
GREEDY = {
    "numbers": packed(EVERY_REPORT, b"1,", b"1]}"),
    "maps": packed(EVERY_REPORT, b"{},", b"{}]}"),
    "members": packed(EVERY_REPORT + b"{", b'"a":1,', b'"a":1}]}'),
    "a long name": packed(EVERY_REPORT + b'{"\xf0\x9f\x98\x80', b"a", b'": 1}]}'),
    "a long name outside": packed(b'{"\xf0\x9f\x98\x80', b"a", b'": 1}'),
    "metrics": gzip.compress(
        EVERY_REPORT
        + METRICS[0]
        + b"{%b}" % b",".join(b'"m%d":1' % number for number in range(300_000))
        + METRICS[2]
        + b"]}"
    ),
}


@pytest.mark.parametrize("body", GREEDY.values(), ids=GREEDY.keys())
def test_a_short_body_takes_no_more_memory_than_its_bound(fresh: Function, body: bytes) -> None:
    assert len(body) < MEBIBYTE
    before = fresh.peak_memory()
    answer = requests.post(f"{fresh.url}/v1/reports", data=body, headers=PACKED)
    assert answer.status_code == 400 or answer.json()["accepted"] == 0
    assert fresh.peak_memory() - before < 10 * MAX_UNPACKED


def test_bodies_are_not_held_while_their_reports_wait(local: Server) -> None:
    """Each is 8 MiB unpacked, or would be answered with 500 long refusals."""
    wide = json.dumps({"schema": 1, "reports": [report(app="stuck")]}).encode()
    wordy = [report(app="stuck"), *({"x" * 300: None} for _ in range(499))]
    bodies = [
        gzip.compress(wide.ljust(MAX_UNPACKED)),
        gzip.compress(json.dumps({"schema": 1, "reports": wordy}).encode()),
    ]
    with ExitStack() as stack:
        port = stack.enter_context(slow_proxy(local, delay=600, mark="stuck"))
        one = stack.enter_context(serving(f"http://{HOST}:{port}/?ns=held"))
        before = one.peak_memory()
        waiting = []
        for number in range(WAITING):
            connection = stack.enter_context(socket.create_connection((HOST, one.port)))
            body = bodies[number % 2]
            connection.sendall(
                b"POST /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            waiting.append(connection)
        database = Database.on(local, "held")
        while not database.reports():
            time.sleep(0.05)
        # Whoever is answered now came after all of them.
        assert requests.post(f"{one.url}/v1/reports", json={}).status_code == 400
        assert one.peak_memory() - before < 100 * MEBIBYTE
        one.kill()
