"""Under load, whatever dies or dawdles: what was accepted is stored once, and nothing else is.

Clients act as the collector does: what was not answered with 200 they send again, the same report
under the same id. Reports that break a rule are mixed in.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from requests.exceptions import ChunkedEncodingError

from tests.ingest.database import Database
from tests.ingest.function import HOST, Function, serving
from tests.ingest.reports import JsonReport, report
from tests.ingest.slow import slow_proxy
from tests.rtdb.server import Server, running

CLIENTS = 12
PER_CLIENT = 25


@dataclass
class Seen:
    """What the clients saw."""

    accepted: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    statuses: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Load:
    """Clients that send until all of their reports are accepted or refused."""

    def __init__(self, address: Callable[[], str]) -> None:
        self.seen = Seen()
        self._address = address
        self._threads = ThreadPoolExecutor(CLIENTS)
        self._clients = [self._threads.submit(self._client, n) for n in range(CLIENTS)]

    def _client(self, number: int) -> None:
        chance = random.Random(number)
        with requests.Session() as session:
            for _ in range(PER_CLIENT):
                batch = [report() for _ in range(chance.randint(1, 8))]
                broken = [report(ci="maybe") for _ in range(chance.randint(0, 1))]
                self._deliver(session, batch + broken)
                if chance.random() < 0.3:  # the answer was lost, the client can't know
                    self._deliver(session, batch + broken)

    def _deliver(self, session: requests.Session, batch: list[JsonReport]) -> None:
        while True:
            try:
                answer = session.post(
                    f"{self._address()}/v1/reports", json={"schema": 1, "reports": batch}
                )
            except (requests.ConnectionError, ChunkedEncodingError):  # no answer, or half of one
                time.sleep(0.05)
                continue
            with self.seen.lock:
                self.seen.statuses[answer.status_code] += 1
            if answer.status_code == 200:
                break
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            time.sleep(0.05)
        refused = {batch[one["index"]]["id"] for one in answer.json()["rejected"]}
        with self.seen.lock:
            self.seen.refused |= refused
            self.seen.accepted |= {one["id"] for one in batch} - refused

    def until(self, accepted: int) -> None:
        """Return once so many reports were accepted."""
        while len(self.seen.accepted) < accepted and not all(one.done() for one in self._clients):
            time.sleep(0.01)

    def end(self) -> Seen:
        """Wait for all clients."""
        for client in self._clients:
            client.result()
        self._threads.shutdown()
        return self.seen


def assert_stored_once(database: Database, seen: Seen) -> None:
    """The database holds what was accepted, each report once, and nothing that was refused."""
    days = database.days()
    held = {key: one for day in days.values() for key, one in day.items()}
    assert set(held) == seen.accepted
    assert seen.refused
    assert not seen.refused & set(held)
    assert all(one["id"] == key for key, one in held.items())
    if len(days) == 1:  # a retry across midnight may stand under two days
        assert len(database.reports()) == len(seen.accepted)


def test_the_database_is_killed_and_started_again(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        database = Database.on(server, "faults")
        with serving(database.url) as function:
            load = Load(lambda: function.url)
            load.until(200)
            server.kill()
            time.sleep(1)
            with running(tmp_path, port=server.port):
                seen = load.end()
                assert_stored_once(database, seen)
    assert seen.statuses[503] > 0


def test_the_function_is_killed_and_started_again(local: Server) -> None:
    database = Database.on(local, "function-killed")
    addresses = ["http://127.0.0.1:1"]
    with serving(database.url) as first:
        addresses.append(first.url)
        load = Load(lambda: addresses[-1])
        load.until(200)
        first.kill()
        with serving(database.url) as second:
            addresses.append(second.url)
            load.until(500)
            second.process.send_signal(signal.SIGTERM)
            second.process.wait()
            with serving(database.url) as third:
                addresses.append(third.url)
                seen = load.end()
    assert_stored_once(database, seen)


def test_sigterm_finishes_what_was_accepted(local: Server) -> None:
    database = Database.on(local, "sigterm")
    with slow_proxy(local, delay=1.0) as port, serving(f"http://{HOST}:{port}/?ns=sigterm") as one:
        assert requests.get(f"{one.url}/healthz").status_code == 200
        reports = [report() for _ in range(20)]
        with ThreadPoolExecutor(len(reports)) as threads:
            answers = [threads.submit(post, one, each) for each in reports]
            time.sleep(0.8)  # they are under way to a database that takes a second
            one.process.send_signal(signal.SIGTERM)
            assert [answer.result().json()["accepted"] for answer in answers] == [1] * 20
        one.process.wait()
        assert '"event":"accepted","count":' in one.said()
    assert {one["id"] for one in database.reports()} == {one["id"] for one in reports}


def post(function: Function, one: JsonReport) -> requests.Response:
    """Send one report."""
    return requests.post(f"{function.url}/v1/reports", json={"schema": 1, "reports": [one]})


def stuck_reports(database: Database) -> list[JsonReport]:
    """Those whose answer the proxy holds back."""
    return [one for one in database.reports() if one["app"] == "stuck"]


def test_a_slow_call_stops_no_other(local: Server) -> None:
    database = Database.on(local, "slow")
    with (
        slow_proxy(local, delay=600, mark="stuck") as port,
        serving(f"http://{HOST}:{port}/?ns=slow") as one,
        ThreadPoolExecutor() as threads,
    ):
        stuck = [threads.submit(post, one, report(app="stuck")) for _ in range(2)]
        while len(stuck_reports(database)) < 2:  # until then others may share their call
            time.sleep(0.05)
        for _ in range(20):
            assert post(one, report()).json() == {"accepted": 1, "rejected": []}
        assert not any(answer.done() for answer in stuck)
        one.kill()
        for answer in stuck:
            with pytest.raises(requests.ConnectionError):
                answer.result()
    assert len(database.reports()) == 22


def test_one_slow_database_costs_the_others_nothing(local: Server) -> None:
    quick = Database.on(local, "quick")
    with slow_proxy(local, delay=600, mark="stuck") as port:
        urls = f"{quick.url},http://{HOST}:{port}/?ns=other"
        with serving(urls) as one, ThreadPoolExecutor(40) as threads:
            odd, even = "00000001" + "0" * 24, "00000002" + "0" * 24
            stuck = [threads.submit(post, one, report(install=odd, app="stuck")) for _ in range(40)]
            for _ in range(20):
                answer = post(one, report(install=even))
                assert answer.json() == {"accepted": 1, "rejected": []}
            assert not any(answer.done() for answer in stuck)
            one.kill()
    assert len(quick.reports()) == 20


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a small disk")
def test_the_disk_of_the_database_is_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("can't mount a small disk here")
    try:
        with running(disk / "data") as server:
            database = Database.on(server, "full")
            with serving(database.url) as function:
                accepted: set[str] = set()
                sent: set[str] = set()
                for _ in range(60):
                    batch = [report(operation="x" * 64) for _ in range(200)]
                    sent |= {one["id"] for one in batch}
                    answer = requests.post(
                        f"{function.url}/v1/reports", json={"schema": 1, "reports": batch}
                    )
                    if answer.status_code != 200:
                        break
                    accepted |= {one["id"] for one in batch}
                assert answer.status_code == 503
                assert int(answer.headers["Retry-After"]) > 0
                held = [one["id"] for one in database.reports()]
        assert accepted
        assert len(held) == len(set(held))
        assert accepted <= set(held) <= sent
    finally:
        subprocess.run(["umount", str(disk)], check=True)
