"""A home of its own for a tool: runs it there, and shows what it left behind."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wald.handoff import SENDER_LOCK
from wald.spool import Lock

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "collector" / "examples" / "logtally.py"
APP = "tool"

PREAMBLE = """
import os, sys
from wald import Metric, Monitor
monitor = Monitor("tool", "1.0", endpoint=os.environ["ENDPOINT"], more="https://docs.invalid/x",
                  consent={consent}{options})
"""


class Home:
    """A user's home folder on a machine with nothing else in its environment."""

    def __init__(self, folder: Path, endpoint: str, app: str = APP) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.python = sys.executable
        self.state = folder / ".local" / "state" / app / "telemetry"
        self.choice = folder / ".config" / app / "telemetry"
        self.variables = {
            "HOME": str(folder),
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT / "collector"),
            "ENDPOINT": endpoint,
            "WALD_ENDPOINT": endpoint,
            "LANG": "C.UTF-8",
        }

    def write(self, body: str, consent: bool | None = True, **options: object) -> Path:
        """Write a tool: a monitor and then *body*."""
        extra = "".join(f", {name}={value!r}" for name, value in options.items())
        path = self.folder / "tool.py"
        path.write_text(PREAMBLE.format(consent=consent, options=extra) + body)
        return path

    def run(
        self, tool: Path, *arguments: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run *tool* to its end, without a terminal."""
        return subprocess.run(
            [self.python, str(tool), *arguments],
            env=self.variables | dict(env or {}),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def run_on_terminal(self, tool: Path, env: Mapping[str, str] | None = None) -> str:
        """Run *tool* to its end on a terminal of its own; return what it showed there."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [self.python, str(tool)],
            env=self.variables | dict(env or {}),
            cwd=self.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:
            pass  # on Linux, this is how the end of a terminal looks
        process.wait()
        os.close(ours)
        return shown.decode().replace("\r\n", "\n")

    def settle(self) -> None:
        """Wait until the sender has done, or given up, what there is to do."""
        quiet = 0
        while quiet < 5 and self.state.exists():
            left = bool(self.spooled()) or any(self.state.glob("event-*"))
            trouble = any((self.state / name).exists() for name in ("retry", "retry-sentry"))
            if not left and not trouble:
                return
            lock = Lock(str(self.state), SENDER_LOCK, patience=0)
            if lock.take():
                lock.free()
                quiet += 1  # a sender that was leaving may take the lock again
            time.sleep(0.1)

    def spooled(self) -> list[dict[str, Any]]:
        """Return the reports that wait."""
        try:
            lines = (self.state / "reports.jsonl").read_text().splitlines()
        except FileNotFoundError:  # the sender took the last one
            return []
        return [json.loads(line) for line in lines]

    def files(self) -> set[str]:
        """Return every file below the home, but for the tool and what Python caches."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*"))
        return {str(p) for p in found if p.name != "tool.py" and "__pycache__" not in p.parts}

    def remember_failures(self) -> None:
        """Act as if the server had failed often: a sender then tries once, and goes."""
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / "retry").write_text("6 0\n")

    def forget_backoff(self) -> None:
        """Act as if the time to wait for the server were over."""
        for name in ("retry", "retry-sentry"):
            (self.state / name).unlink(missing_ok=True)
