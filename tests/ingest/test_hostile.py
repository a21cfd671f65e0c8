"""What is sent to do harm is refused with 4xx: nothing of it is stored, and memory stays as it was.

The same requests always: a seed draws them. `REQUESTS` may be raised to try for longer.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.ingest.database import Database
from tests.ingest.function import HOST, Function, serving
from tests.ingest.reports import JsonReport, report
from tests.rtdb.server import Server

REQUESTS = int(os.environ.get("WALD_HOSTILE_REQUESTS", "6000"))
CLIENTS = 16
EXPECTED = {200, 400, 404, 405, 413}
MEBIBYTE = 1024**2

Request = tuple[str, str, bytes, dict[str, str]]
BOMB = gzip.compress(bytes(20 * MEBIBYTE))
JSON = {"Content-Type": "application/json"}
PACKED = {**JSON, "Content-Encoding": "gzip"}
WRONG = [[], {}, -1, 0.5, "\0", {"a": {}}, "x" * 300, {".sv": "timestamp"}, 10**400, [[]]]
KEYS = ["a/b", ".sv", "$x", "#", "a.b", "\0", "", "é", "../../x", "[0]", "x" * 65]
PATHS = ["/../../etc/passwd", "/%00", "/v1/reports/../forget", "//", "/reports.json", "/v1/../x"]
SECRETS = ["x", None, "a" * 63, "../" * 20, {"a": 1}, "a" * 64 + "\n", "/" * 64]


def broken_report(chance: random.Random) -> JsonReport:
    """A report that is none in one place."""
    place = chance.choice(["id", "app", "install", "time", "kind", "metrics", "dropped", "key"])
    if place == "key":
        return report(metrics={chance.choice(KEYS): 1})
    wrong = chance.choice([value for value in WRONG if not (place == "metrics" and value == {})])
    return report(**{place: wrong})


def batch(*reports: object, schema: object = 1) -> bytes:
    """A request's body."""
    return json.dumps({"schema": schema, "reports": reports}).encode()


def hostile(chance: random.Random) -> Request:
    """Draw a request."""
    path = "/v1/reports"
    match chance.randrange(11):
        case 0:
            return "POST", path, chance.randbytes(chance.randrange(400)), JSON
        case 1:
            return "POST", path, chance.randbytes(chance.randrange(400)), PACKED
        case 2:
            whole = gzip.compress(batch(report()))
            return "POST", path, whole[: chance.randrange(len(whole))], PACKED
        case 3:
            return "POST", path, BOMB if chance.random() < 0.05 else gzip.compress(b"["), PACKED
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


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads /proc")
def test_hostile_requests_leave_no_trace(local: Server) -> None:
    database = Database.on(local, "hostile")
    with serving(database.url) as function:
        attack(function, 0, 500)
        before = function.peak_memory()
        with ThreadPoolExecutor(CLIENTS) as threads:
            share = REQUESTS // CLIENTS
            runs = [threads.submit(attack, function, n + 1, share) for n in range(CLIENTS)]
            statuses = sum((one.result() for one in runs), Counter())
        assert set(statuses) == EXPECTED
        assert function.peak_memory() - before < 60 * MEBIBYTE
        assert "Traceback" not in function.said()
    assert database.root.get() is None
