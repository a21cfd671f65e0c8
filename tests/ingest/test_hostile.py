"""What is sent to do harm is refused with 4xx: nothing of it is stored, and memory stays as it was.

The same requests always: a seed draws them. `REQUESTS` may be raised to try for longer.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import random
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.ingest.database import Database
from tests.ingest.function import HOST, Function, serving
from tests.ingest.reports import JsonReport, report
from tests.rtdb.server import Server

REQUESTS = int(os.environ.get("WALD_HOSTILE_REQUESTS", "10000"))
CLIENTS = 16
EXPECTED = {200, 400, 404, 405, 413, 415}
MEBIBYTE = 1024**2

Request = tuple[str, str, bytes, dict[str, str]]
BOMB = gzip.compress(bytes(20 * MEBIBYTE))
NUMBERS = gzip.compress(b'{"schema": 1, "reports": [' + b"1," * (4 * MEBIBYTE - 20) + b"1]}")
JSON = {"Content-Type": "application/json"}
PACKED = {**JSON, "Content-Encoding": "gzip"}
TYPES = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/json\t\x01"},
    {"Content-Type": "x" * 5000},
    {**JSON, "Content-Encoding": "gzip, gzip"},
    {**JSON, "Content-Encoding": "../" * 100},
]
WRONG = [[], {}, -1, 0.5, {"a": {}}, "x" * 300, {".sv": "timestamp"}, 10**400, [[]], ["\0"]]
WRONG_VALUES: list[object] = [
    [],
    {},
    None,
    {"a": {}},
    "x" * 300,
    {".sv": "timestamp"},
    10**400,
    [[]],
]
FIELDS = [
    *("id", "app", "install", "time", "kind", "metrics", "dropped"),
    *("ci", "operation", "solution", "outcome", "duration_ms", "error"),
]
KEYS = ["a/b", ".sv", "$x", "#", "a.b", "\0", "", "é", "../../x", "[0]", "x" * 65, "\x7f", "a\n"]
NAMES = ["../" * 11, "a/b", "$id", "\0" * 32, "\n" * 32, "a" * 31 + "\n", "%2e" * 11, "é" * 32]
PATHS = [
    *("/../../etc/passwd", "/%00", "/v1/reports/../forget", "//", "/reports.json", "/v1/../x"),
    *("/v1/reports/", "/v1/reports%00", "/v1/reports;x", "/V1/reports", "/v1//reports", "/.json"),
    *("/v1/reports%2f..", "/" + "a" * 20_000, "/%ff%fe", "/v1/reports/%2e%2e/%2e%2e"),
]
QUERIES = [
    *(
        "?orderBy=%22x%22",
        "?print=silent&x=%00",
        "?ns=other",
        "?" + "a=b&" * 5000,
        "??",
        "#x",
        "?%",
    ),
    *("?shallow=true&auth=owner", "?x[]=1&x[0]=2", "?../../forgotten"),
]
SECRETS: list[object] = [
    "x",
    None,
    "a" * 63,
    "../" * 20,
    {"a": 1},
    "a" * 64 + "\n",
    "/" * 64,
    "\0" * 64,
    [],
]
LITERALS = [
    b"NaN",
    b"Infinity",
    b"1e999",
    b'"\0"',
    b'"\\ud800"',
    b"0x1",
    b"\xff\xfe",
    b"'a'",
    b'"\x1f"',
]
HEAD = b"POST /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BROKEN_HTTP = [
    HEAD + b"Content-Length: -1\r\n\r\n{}",
    HEAD + b"Content-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
    HEAD + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
    HEAD + b"X-Forwarded-For: \0\r\n\r\n",
    b"POST /v1/rep\0orts HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz HTTP/9.9\r\n\r\n",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00",
]


def broken_report(chance: random.Random) -> JsonReport:
    """A report that is none in one place."""
    match chance.randrange(5):
        case 0:
            return report(metrics={chance.choice(KEYS): 1})
        case 1:
            return report(metrics={"os": chance.choice(WRONG_VALUES)})
        case 2:
            return report(**{chance.choice(["id", "app", "install"]): chance.choice(NAMES)})
        case 3:
            return report(**{chance.choice(KEYS): 1})
        case _:
            field = chance.choice(FIELDS)
            wrong = [value for value in WRONG if not (field == "metrics" and value == {})]
            return report(**{field: chance.choice(wrong)})


def batch(*reports: object, schema: object = 1) -> bytes:
    """A request's body."""
    return json.dumps({"schema": schema, "reports": reports}).encode()


def hostile(chance: random.Random) -> Request:
    """Draw a request."""
    path = "/v1/reports"
    match chance.randrange(14):
        case 0:
            return "POST", path, chance.randbytes(chance.randrange(400)), JSON
        case 1:
            return "POST", path, chance.randbytes(chance.randrange(400)), PACKED
        case 2:
            whole = gzip.compress(batch(report()))
            return "POST", path, whole[: chance.randrange(len(whole))], PACKED
        case 3:
            bomb = chance.choice([BOMB, NUMBERS]) if chance.random() < 0.05 else gzip.compress(b"[")
            return "POST", path, bomb, PACKED
        case 4:
            deep = b'{"schema": 1, "reports": [' + b"[" * chance.choice([10, 1000, 100_000])
            return "POST", path, deep, JSON
        case 5 | 6:
            return "POST", path, batch(*(broken_report(chance) for _ in range(3))), JSON
        case 7:
            body = json.dumps({"secret": chance.choice(SECRETS)}).encode()
            return "POST", "/v1/forget", body, JSON
        case 8:
            return "POST", chance.choice(PATHS), batch(report()), JSON
        case 9:
            method = chance.choice(["PUT", "PATCH", "DELETE", "OPTIONS", "GET"])
            return method, path, batch(report()), JSON
        case 10:
            return "POST", path + chance.choice(QUERIES), batch(broken_report(chance)), JSON
        case 11:
            return "POST", path, batch(report()), chance.choice(TYPES)
        case 12:
            return "POST", path, batch("?").replace(b'"?"', chance.choice(LITERALS)), JSON
        case _:
            huge = b" " * (MEBIBYTE + 1) if chance.random() < 0.02 else batch()
            return "POST", path, chance.choice([huge, batch(report(), schema=2)]), JSON


def attack(function: Function, seed: int, requests: int) -> Counter[int]:
    """Send hostile requests one after the other; returns how often each status came."""
    chance = random.Random(seed)
    statuses: Counter[int] = Counter()
    connection = http.client.HTTPConnection(HOST, function.port)
    for _ in range(requests):
        method, path, body, headers = hostile(chance)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        statuses[answer.status] += 1
        if answer.status == 200:
            assert json.loads(said)["accepted"] == 0
    connection.close()
    return statuses


def answers_to_broken_http(function: Function, number: int) -> set[bytes]:
    """Send what is no HTTP, each on a connection of its own; returns the status lines."""
    lines = set()
    for sent in BROKEN_HTTP * number:
        with (
            suppress(ConnectionError),  # it may hang up on us while we send
            socket.create_connection((HOST, function.port)) as connection,
        ):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            lines.add(connection.makefile("rb").readline().strip())
    return lines


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads /proc")
def test_hostile_requests_leave_no_trace(local: Server) -> None:
    database = Database.on(local, "hostile")
    with serving(database.url) as function, ThreadPoolExecutor(CLIENTS) as threads:

        def assault(seed: int, requests: int) -> Counter[int]:
            runs = [
                threads.submit(attack, function, seed + client, requests // CLIENTS)
                for client in range(CLIENTS)
            ]
            return sum((one.result() for one in runs), Counter())

        statuses = assault(1, REQUESTS // 4)
        lines = answers_to_broken_http(function, 3)
        early, peak = function.memory(), function.peak_memory()
        statuses += assault(1 + CLIENTS, REQUESTS - REQUESTS // 4)
        lines |= answers_to_broken_http(function, 3)
        late, end = function.memory(), function.peak_memory()
        print(dict(statuses), lines, [size // MEBIBYTE for size in (early, peak, late, end)])
        assert set(statuses) == EXPECTED
        assert {line[:12] for line in lines if line} == {b"HTTP/1.1 400"}
        assert late - early < 20 * MEBIBYTE
        assert end - peak < 40 * MEBIBYTE
        assert "Traceback" not in function.said()
    assert database.root.get() is None
