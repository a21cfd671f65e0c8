"""What the collector costs its host: wall time that it adds to a small argparse tool.

The yardsticks are the same tool without it, with posthog's client that captures the same event,
and with sentry-sdk initialised at the start; all run in turns, so that the machine's moods meet
them alike. Each figure is the median over pairs of neighbouring runs.
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

ROUNDS = 40
PAUSE = 0.3
"""Seconds for what a run leaves behind (a sender's start) not to meet the next one."""
BUDGET_MS = 5.0
BUDGET_SHARE = 1 / 30
PATIENCE = 60.0
"""Seconds after which a client that waits for a dead endpoint is ended."""
STATE = ".local/state/bench/telemetry"
ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "collector"
OTHERS = ROOT / ".wald" / "bench-host-cost"
"""Environment with the others' clients, made on first use; every tool runs in it."""

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


WITH_POSTHOG = """
import os
from posthog import Posthog
client = Posthog("key", host=os.environ["ENDPOINT"])
client.capture("work", distinct_id="someone")
client.shutdown()
"""

WITH_SENTRY = """
import os
import sentry_sdk
sentry_sdk.init(os.environ["ENDPOINT"].replace("//", "//key@") + "/1")
"""


class Tool:
    """A tool in a home of its own, without anything else of this machine's environment."""

    def __init__(
        self, folder: Path, name: str, text: str, endpoint: str, patience: float | None = None
    ) -> None:
        self.home = folder / name
        self.home.mkdir()
        self.path = folder / f"{name}.py"
        self.path.write_text(text)
        self.endpoint = endpoint
        self.times: list[float] = []
        self.run(patience)  # compiles, makes the install's secret

    def run(self, patience: float | None = None) -> None:
        """Run it; keep how many milliseconds it took.

        With *patience* (seconds) the figure is coarse, for Python then waits in growing naps.
        """
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(LIBRARY),
            "ENDPOINT": self.endpoint,
        }
        start = time.perf_counter()
        subprocess.run(
            [str(OTHERS / "bin" / "python"), str(self.path), "x"],
            env=environment,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=patience,
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


def install_others() -> None:
    """Make the environment with posthog and sentry-sdk in it, through the machine's pip."""
    if (OTHERS / "ready").exists():
        return
    shutil.rmtree(OTHERS, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(OTHERS)], check=True)
    pip = [str(OTHERS / "bin" / "python"), "-m", "pip", "install", "-qq", "posthog", "sentry-sdk"]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    (OTHERS / "ready").touch()


def added(tool: Tool, bare: Tool) -> float:
    """Return the milliseconds that *tool* takes longer than *bare* in the median round."""
    pairs = zip(tool.times[1:], bare.times[1:], strict=True)
    return statistics.median(longer - shorter for longer, shorter in pairs)


def on_dead_endpoint(folder: Path, name: str, text: str, dead: str) -> str:
    """Run a client once against an endpoint that never answers; say how long it took."""
    try:
        tool = Tool(folder, name, text, dead, PATIENCE)
    except subprocess.TimeoutExpired:
        return f"more than {PATIENCE:.0f} s, then ended"
    return f"{tool.times[0] / 1000:.1f} s"


def main() -> None:
    """Print what the collector adds, beside the tool's own time, the others and the budget."""
    install_others()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary,
        taking_all() as good,
        black_hole() as dead,
    ):
        folder = Path(temporary)
        bare = Tool(folder, "bare", BARE, good)
        ours = {
            "starting a sender": Tool(folder, "starting", BARE + WITH_WALD, good),
            "a sender at work": Tool(folder, "working", BARE + WITH_WALD, good),
            "black-holed": Tool(folder, "black-holed", BARE + WITH_WALD, dead),
        }
        posthog = Tool(folder, "posthog-good", BARE + WITH_POSTHOG, good)
        sentry = Tool(folder, "sentry-good", BARE + WITH_SENTRY, good)
        starting = ours["starting a sender"]
        tools = [bare, *ours.values(), posthog, sentry]
        for number in range(ROUNDS):
            starting.move(number)
            for tool in random.sample(tools, len(tools)):
                tool.run()
                time.sleep(PAUSE)
        left = max(tool.until_alone() for tool in ours.values())
        waits = {
            name: on_dead_endpoint(folder, f"{name}-dead", BARE + text, dead)
            for name, text in {"posthog": WITH_POSTHOG, "sentry-sdk": WITH_SENTRY}.items()
        }

    base = statistics.median(bare.times[1:])
    others = added(posthog, bare)
    print(f"the bare argparse tool           {base:7.2f} ms (yardstick)")
    print(f"added by posthog                 {others:7.2f} ms (yardstick)")
    print(f"added by sentry-sdk              {added(sentry, bare):7.2f} ms (yardstick)")
    for name, tool in ours.items():
        own = added(tool, bare)
        print(
            f"added by wald, {name:18}{own:7.2f} ms (budget {BUDGET_MS:.0f} ms); "
            f"{own / others:.4f} of posthog's (budget {BUDGET_SHARE:.4f})"
        )
    for name, wait in waits.items():
        print(f"{name}, black-holed: the run took {wait}")
    print(f"wald's last sender gone after    {left:7.2f} s (budget 15 s)")


if __name__ == "__main__":
    main()
