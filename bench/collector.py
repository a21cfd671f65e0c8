"""What the collector costs its host: wall time that it adds to a small argparse tool.

The yardstick is the same tool without it, run in turns, so that the machine's moods meet both
alike. Each figure is the median over pairs of neighbouring runs.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from wald.handoff import SENDER_LOCK
from wald.spool import Lock

ROUNDS = 60
PAUSE = 0.1
"""Seconds for what a run leaves behind (a sender's end) not to meet the next one."""
BUDGET_MS = 5.0
STATE = ".local/state/bench/telemetry"
LIBRARY = Path(__file__).parents[1] / "collector"

BARE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("name")
parser.parse_args()
"""

WITH_WALD = """
import os
from wald import Monitor
monitor = Monitor("bench", "1.0", endpoint=os.environ["ENDPOINT"], more="-", consent=True)
with monitor.operation("work"):
    pass
"""


class Tool:
    """A tool in a home of its own, without anything else of this machine's environment."""

    def __init__(self, folder: Path, name: str, text: str, endpoint: str) -> None:
        self.home = folder / name
        self.home.mkdir()
        self.path = folder / f"{name}.py"
        self.path.write_text(text)
        self.endpoint = endpoint
        self.times: list[float] = []
        self.run()  # compiles, makes the install's secret

    def run(self) -> None:
        """Run it; keep how many milliseconds it took."""
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(LIBRARY),
            "ENDPOINT": self.endpoint,
        }
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, str(self.path), "x"],
            env=environment,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        self.times.append(1000 * (time.perf_counter() - start))

    def move(self, number: int) -> None:
        """Go on in a home where no sender is at work, with the same secret."""
        new = self.home.with_name(f"{self.path.stem}-{number}")
        (new / STATE).mkdir(parents=True)
        for name in ("install", "notice-shown"):
            shutil.copy(self.home / STATE / name, new / STATE / name)
        self.home = new

    def until_alone(self) -> float:
        """Wait until no sender is left; return how many seconds that took."""
        start = time.monotonic()
        lock = Lock(str(self.home / STATE), SENDER_LOCK, patience=60)
        assert lock.take()
        lock.free()
        return time.monotonic() - start


@contextmanager
def taking_all() -> Iterator[str]:
    """Serve an endpoint that takes everything; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"accepted": 1, "rejected": []}')

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@contextmanager
def black_hole() -> Iterator[str]:
    """Serve an endpoint that never says a word; yields its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def main() -> None:
    """Print what the collector adds, beside the tool's own time and the budget."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary,
        taking_all() as good,
        black_hole() as dead,
    ):
        folder = Path(temporary)
        bare = Tool(folder, "bare", BARE, good)
        tools = {
            "starting a sender": Tool(folder, "starting", BARE + WITH_WALD, good),
            "a sender at work": Tool(folder, "working", BARE + WITH_WALD, good),
            "black-holed": Tool(folder, "black-holed", BARE + WITH_WALD, dead),
        }
        starting = tools["starting a sender"]
        for number in range(ROUNDS):
            starting.move(number)
            for tool in random.sample([bare, *tools.values()], len(tools) + 1):
                tool.run()
                time.sleep(PAUSE)
        left = max(tool.until_alone() for tool in tools.values())

    base = statistics.median(bare.times[1:])
    print(f"collector: the bare argparse tool      {base:6.2f} ms (yardstick)")
    for name, tool in tools.items():
        pairs = zip(tool.times[1:], bare.times[1:], strict=True)
        added = statistics.median(with_wald - without for with_wald, without in pairs)
        print(f"collector: added, {name:20} {added:6.2f} ms (budget {BUDGET_MS:.0f} ms)")
    print(f"collector: last sender gone after      {left:6.2f} s (budget 15 s)")


if __name__ == "__main__":
    main()
