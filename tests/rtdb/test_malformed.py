"""Whatever is sent, the server neither fails, nor hangs, nor grows."""

import http.client
import os
import random
import socket
from pathlib import Path

import pytest
import requests

from tests.rtdb.server import Server, running

COUNT = int(os.environ.get("RTDB_MALFORMED", "40000"))
GROWTH_MIB = 40

METHODS = ["GET", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "get", "QUERY"]
PATHS = [
    "/",
    "/a",
    "/a/b/c",
    "/people",
    "/.settings/rules",
    "/.info",
    "/a%2Fb",
    "/%00",
    "/%ff",
    "/a.b",
    "/" + "x" * 800,
    "/" + "d/" * 40,
    "//a//",
    "/$key",
    "/\u00e9",
    "/[0]",
    "/a#b",
]
ENDINGS = [".json", ".json", ".json", "", ".xml", ".json/", ".json.json"]
NAMES = [
    "orderBy",
    "startAt",
    "startAfter",
    "endAt",
    "endBefore",
    "equalTo",
    "limitToFirst",
    "limitToLast",
    "shallow",
    "print",
    "ns",
    "auth",
    "format",
    "timeout",
    "x-http-method-override",
]
VALUES = [
    '"$key"',
    '"$value"',
    '"$priority"',
    '"name"',
    '""',
    '"/"',
    "1",
    "-1",
    "0",
    "1e999",
    "null",
    "true",
    "{}",
    "[",
    '"\\ud800"',
    "%",
    "%zz",
    "%ff",
    "9" * 400,
    "pretty",
    "silent",
    '"' + "x" * 2000,
    "PATCH",
    "\u0661",
    "owner",
    "other",
]
HEADERS = [
    ("if-match", "x"),
    ("if-none-match", "*"),
    ("X-Firebase-ETag", "true"),
    ("Accept", "text/event-stream"),
    ("Content-Type", "x"),
    ("Authorization", "Bearer x"),
    ("X-HTTP-Method-Override", "PATCH"),
]
BODIES = [
    b"",
    b"{",
    b"null",
    b"{}",
    b"[]",
    b"1",
    b'"x"',
    b'{"a":{".sv":1}}',
    b'{"a":{".sv":{"increment":1e308}}}',
    b'{".value":{}}',
    b'{".priority":1}',
    b'{"a/b":1,"a":2}',
    b'{"":1}',
    b'{"a.b":1}',
    b"\xff\xfe",
    b"[" * 3000,
    b'{"a":' * 500,
    b"9" * 500,
    b"1e999",
    b'{"rules":{".read":1}}',
    b'{"rules":{"$a":{".indexOn":["",3]}}}',
    b'{"a":' + b'"y"' * 3,
    b'{"\\u0000":1}',
    b'{"a":"\\ud800"}',
]


def resident_mib(pid: int) -> int:
    """The server's memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) // 1024
    raise RuntimeError(pid)


def mutated(rng: random.Random, body: bytes) -> bytes:
    """The body, mostly as it is, at times with a byte changed."""
    if not body or rng.random() < 0.6:
        return body
    at = rng.randrange(len(body))
    return body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]


def some_request(rng: random.Random) -> tuple[str, str, bytes, dict[str, str]]:
    """Method, target, body and headers, each of them likely wrong."""
    query = "&".join(
        f"{rng.choice(NAMES)}={rng.choice(VALUES)}" for _ in range(rng.choice([0, 0, 1, 2, 3]))
    )
    target = rng.choice(PATHS) + rng.choice(ENDINGS) + ("?" + query if query else "")
    target = "".join(c if "!" <= c <= "~" else "%" + c.encode().hex() for c in target)
    headers = {"Authorization": "Bearer owner"} if rng.random() < 0.9 else {}
    headers |= dict(rng.sample(HEADERS, rng.choice([0, 0, 0, 1, 2])))
    return rng.choice(METHODS), target, mutated(rng, rng.choice(BODIES)), headers


def send_many(server: Server, rng: random.Random, count: int) -> set[int]:
    """Send requests over kept connections; the statuses that came back."""
    statuses = set()
    connection = http.client.HTTPConnection(server.host, server.port)
    for _ in range(count):
        method, target, body, headers = some_request(rng)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (http.client.HTTPException, ConnectionError):
            connection.close()
            continue
        assert answer.status < 500, (method, target, body, headers)
        statuses.add(answer.status)
    connection.close()
    return statuses


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_malformed_requests(tmp_path: Path) -> None:
    rng = random.Random(7)
    with running(tmp_path) as server:
        statuses = send_many(server, rng, COUNT // 2)
        before = resident_mib(server.pid)
        statuses |= send_many(server, rng, COUNT - COUNT // 2)
        assert resident_mib(server.pid) - before < GROWTH_MIB
        assert {200, 400, 401, 404, 405, 412} <= statuses


RAW = [
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    b"GET /a.json HTTP/9.9\r\n\r\n",
    b"GET /a.json HTTP/1.1\r\nHost\r\n\r\n",
    b"PUT /a.json HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"PUT /a.json HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
    b"PUT /a.json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"PUT /a.json HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    b"GET /a.json HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000,
    b"GET http://\xff/ HTTP/1.1\r\n\r\n",
]


def test_what_is_not_http(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        for data in RAW * 20:
            with socket.create_connection((server.host, server.port)) as connection:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                received = b""
                try:
                    while part := connection.recv(65536):
                        received += part
                except ConnectionError:
                    continue
                assert not received.startswith(b"HTTP/1.1 5"), data[:80]
        assert requests.get(f"{server.url}/a.json").status_code == 401
