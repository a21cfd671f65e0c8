"""What was acknowledged is on the disk, whole, whenever the server dies."""

import os
import random
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import requests

from tests.rtdb.server import Server, command, running

OWNER = {"Authorization": "Bearer owner"}
CYCLES = int(os.environ.get("RTDB_KILLS", "100"))
WRITERS = 4


class Load:
    """Writers that put pairs atomically and remember which were acknowledged."""

    def __init__(self, server: Server, cycle: int) -> None:
        self.acknowledged: dict[str, int] = {}
        self._server = server
        self._threads = [
            threading.Thread(target=self._write, args=(f"{cycle}-{n}",)) for n in range(WRITERS)
        ]

    def start(self) -> None:
        """Begin to write."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until every writer has met the server's end."""
        for thread in self._threads:
            thread.join()

    def _write(self, name: str) -> None:
        url = f"{self._server.url}/.json?print=silent"
        with requests.Session() as session:
            for number in range(1_000_000):
                key = f"{name}-{number}"
                pair: Any = {f"left/{key}": {"n": number, "pad": "x" * 300}, f"right/{key}": number}
                try:
                    answer = session.patch(url, json=pair, headers=OWNER)
                except requests.RequestException:
                    return
                assert answer.status_code == 204
                self.acknowledged[key] = number


def test_kill_9_loses_nothing_acknowledged_and_tears_nothing(tmp_path: Path) -> None:
    expected: dict[str, int] = {}
    for cycle in range(CYCLES):
        with running(tmp_path) as server:
            found = requests.get(f"{server.url}/.json", headers=OWNER).json() or {}
            right: dict[str, int] = found.get("right", {})
            left = {key: pair["n"] for key, pair in found.get("left", {}).items()}
            assert left == right
            assert expected.items() <= right.items()
            expected = right
            load = Load(server, cycle)
            load.start()
            time.sleep(random.uniform(0.01, 0.2))
            server.kill()
            load.join()
            expected |= load.acknowledged
    assert expected


def test_a_server_that_is_asked_to_end_leaves_one_file(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert requests.put(f"{server.url}/a.json", json=1, headers=OWNER).status_code == 200
    assert (tmp_path / "rtdb.sqlite3").stat().st_size > 0
    log = tmp_path / "rtdb.sqlite3-wal"
    assert not log.exists() or log.stat().st_size == 0
    with running(tmp_path) as server:
        assert requests.get(f"{server.url}/a.json", headers=OWNER).json() == 1


def test_a_port_in_use_is_a_sentence(tmp_path: Path) -> None:
    with running(tmp_path / "one") as server:
        words = command(tmp_path / "two", port=server.port)
        second = subprocess.run(words, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert second.stderr == (
        f"rtdb: Can't listen on 127.0.0.1, port {server.port}: Address already in use.\n"
    )
