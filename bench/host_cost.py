"""What the collector costs its host: wall time that it adds to a small argparse tool.

The yardsticks are the same tool without it, with posthog's client that captures the same event,
and with sentry-sdk initialised at the start. Every run has a run of the bare tool beside it, before
or after by chance, so that the machine's moods meet both alike: each figure is the median of what
the one took longer than the other.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench._endpoints import broken, taking_all
from wald.backoff import Backoff
from wald.handoff import SENDER_LOCK
from wald.spool import Lock

ROUNDS = 60
ROUNDS_OF_OTHERS = 10
"""The others cost so much more that few rounds tell."""
PAUSE = 0.3
"""Seconds for the start of a sender that a run leaves behind not to meet the next one."""
BUDGET_MS = 5.0
BUDGET_SHARE = 1 / 30
PATIENCE = 30.0
"""Seconds after which a client that waits for a dead endpoint is ended."""
STATE = ".local/state/bench/telemetry"
ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "collector"
OTHERS = ROOT / ".wald" / "bench-host-cost"
"""Environment with the others' clients, made on first use; every tool runs in it."""

STARTING = "sender begun"
WORKING = "sender there"

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
        self.path = folder / f"tool-{name}.py"  # not under the name of what it imports
        self.path.write_text(text)
        self.endpoint = endpoint
        self.times: list[float] = []
        self.added: list[float] = []
        """Milliseconds that each run took longer than the bare tool's beside it."""
        self.run(patience)  # compiles, makes the install's secret

    def run_beside(self, bare: Tool) -> None:
        """Run it and the *bare* tool, one after the other."""
        times = {tool: tool.run() for tool in random.sample([self, bare], 2)}
        self.added.append(times[self] - times[bare])

    def run(self, patience: float | None = None) -> float:
        """Run it; return how many milliseconds it took.

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
        return self.times[-1]

    def move(self, number: int) -> None:
        """Go on in a home where no sender is at work, with the same secret."""
        new = self.home.with_name(f"{self.path.stem}-{number}")
        (new / STATE).mkdir(parents=True)
        for name in ("install", "notice-shown", "lock", SENDER_LOCK):
            shutil.copy(self.home / STATE / name, new / STATE / name)
        self.home = new

    def begins_a_sender(self) -> bool:
        """Tell whether the next run will: none is at work, and the server may be asked."""
        state = str(self.home / STATE)
        lock = Lock(state, SENDER_LOCK, patience=0)
        if not os.path.isdir(state) or Backoff(state).wait() > 0 or not lock.take():
            return False
        lock.free()
        return True

    def until_alone(self) -> float:
        """Wait until no sender is left; return how many seconds that took."""
        start = time.monotonic()
        lock = Lock(str(self.home / STATE), SENDER_LOCK, patience=60)
        assert lock.take()
        lock.free()
        return time.monotonic() - start


def install_others() -> None:
    """Make the environment with posthog and sentry-sdk in it, through the machine's pip."""
    if (OTHERS / "ready").exists():
        return
    shutil.rmtree(OTHERS, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(OTHERS)], check=True)
    pip = [str(OTHERS / "bin" / "python"), "-m", "pip", "install", "-qq", "posthog", "sentry-sdk"]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    (OTHERS / "ready").touch()


def on_dead_endpoint(folder: Path, name: str, text: str, dead: str) -> str:
    """Run a client once against an endpoint that never answers; say how long it took."""
    started = time.monotonic()
    try:
        Tool(folder, name, text, dead, PATIENCE)
    except subprocess.TimeoutExpired:
        return f"more than {PATIENCE:.0f} s, then ended"
    return f"{time.monotonic() - started:.1f} s"


def measure(ours: dict[str, Tool], others: dict[str, Tool], bare: Tool) -> None:
    """Run all tools in turns, each in the state that its name says."""
    for number in range(ROUNDS):
        tools = list(ours) + (list(others) if number < ROUNDS_OF_OTHERS else [])
        for name in random.sample(tools, len(tools)):
            tool = (ours | others)[name]
            if name == STARTING:
                tool.move(number)
            if name == WORKING:
                tool.run()
                time.sleep(PAUSE)
            begins = tool.begins_a_sender()
            tool.run_beside(bare)
            if begins:
                time.sleep(PAUSE)


def main() -> None:
    """Print what the collector adds, beside the tool's own time, the others and the budget."""
    install_others()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary,
        taking_all() as good,
        broken() as endpoints,
    ):
        folder = Path(temporary)
        bare = Tool(folder, "bare", BARE, good)
        names = {STARTING: good, WORKING: good, **endpoints}
        ours = {name: Tool(folder, name, BARE + WITH_WALD, url) for name, url in names.items()}
        clients = {"posthog": WITH_POSTHOG, "sentry-sdk": WITH_SENTRY}
        others = {name: Tool(folder, name, BARE + text, good) for name, text in clients.items()}
        measure(ours, others, bare)
        left = max(tool.until_alone() for tool in ours.values())
        dead = endpoints["black-holed"]
        waits = {
            name: on_dead_endpoint(folder, f"{name}-dead", BARE + text, dead)
            for name, text in clients.items()
        }

    yardstick = statistics.median(others["posthog"].added)
    print(f"the bare argparse tool      {statistics.median(bare.times):7.2f} ms (yardstick)")
    for name, tool in others.items():
        print(f"added by {name:19}{statistics.median(tool.added):7.2f} ms (yardstick)")
    for name, tool in ours.items():
        own = statistics.median(tool.added)
        print(
            f"added by wald, {name:13}{own:7.2f} ms (budget {BUDGET_MS:.0f} ms); "
            f"1/{yardstick / own:.0f} of posthog's (budget 1/{1 / BUDGET_SHARE:.0f})"
        )
    for name, wait in waits.items():
        print(f"{name}, black-holed: the run took {wait}")
    print(f"wald's last sender gone after {left:5.2f} s (budget 15 s)")


if __name__ == "__main__":
    main()
