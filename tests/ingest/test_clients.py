"""Clients that dawdle or go away harm neither the function nor the others."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import requests

from tests.ingest.database import Database
from tests.ingest.function import HOST, Function
from tests.ingest.reports import JsonReport, report


def request(*reports: JsonReport) -> tuple[bytes, bytes]:
    """Head and body of a request, as they go over the wire."""
    body = json.dumps({"schema": 1, "reports": reports}).encode()
    head = (
        f"POST /v1/reports HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode(), body


@contextmanager
def connected(function: Function) -> Iterator[socket.socket]:
    """A bare connection."""
    with socket.create_connection((HOST, function.port)) as connection:
        yield connection


def answer(connection: socket.socket) -> dict[str, object]:
    """Read to the end; the JSON of a 200."""
    head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    read: dict[str, object] = json.loads(body)
    return read


def assert_healthy(function: Function) -> None:
    """It answers others, and has nothing to complain about."""
    assert requests.get(f"{function.url}/healthz").status_code == 200
    sent: Any = {"schema": 1, "reports": [report()]}
    assert requests.post(f"{function.url}/v1/reports", json=sent).json()["accepted"] == 1
    assert "Traceback" not in function.said()


def stored(database: Database, reports: list[JsonReport]) -> list[JsonReport]:
    """Those of the reports that the database holds."""
    held = {one["id"] for one in database.reports()}
    return [one for one in reports if one["id"] in held]


def test_slow_clients_are_waited_for_and_hold_up_nobody(
    function: Function, database: Database
) -> None:
    reports = [report() for _ in range(40)]
    with ExitStack() as stack:
        slow = [(stack.enter_context(connected(function)), *request(one)) for one in reports]
        for connection, head, _ in slow:
            connection.sendall(head[:20])
        assert_healthy(function)
        for connection, head, body in slow:
            connection.sendall(head[20:] + body[:10])
        assert_healthy(function)
        for number, (connection, _, body) in enumerate(slow):
            for place in range(10, len(body), 1 if number == 0 else 100):
                connection.sendall(body[place : place + (1 if number == 0 else 100)])
        for connection, _, _ in slow:
            assert answer(connection) == {"accepted": 1, "rejected": []}
    assert stored(database, reports) == reports


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_client_that_goes_in_the_middle_has_sent_nothing(
    function: Function, database: Database, share: float
) -> None:
    reports = [report() for _ in range(20)]
    for one in reports:
        head, body = request(one)
        whole = head + body
        with connected(function) as connection:
            connection.sendall(whole[: int(len(whole) * share)])
    assert_healthy(function)
    assert stored(database, reports) == []


def test_a_client_that_does_not_wait_for_the_answer(function: Function, database: Database) -> None:
    reports = [report() for _ in range(20)]
    for one in reports:
        with connected(function) as connection:
            connection.sendall(b"".join(request(one)))
    assert_healthy(function)
    again = requests.post(f"{function.url}/v1/reports", json={"schema": 1, "reports": reports})
    assert again.json() == {"accepted": 20, "rejected": []}
    assert stored(database, reports) == reports


def test_what_is_no_http_is_turned_away(function: Function) -> None:
    for garbage in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"hello\r\n\r\n", b"\0" * 999):
        with connected(function) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
    assert_healthy(function)
