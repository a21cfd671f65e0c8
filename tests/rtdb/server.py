"""The real server, for tests: `python -m rtdb` in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    """A running server."""

    host: str
    port: int
    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.port}"

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would."""
        self.process.kill()
        self.process.wait()


def command(data: Path, *, rules: Path | None = None, port: int = 0) -> list[str]:
    """The command line that serves `data`, with the project's own rules by default."""
    rules = rules or ROOT / "database.rules.json"
    arguments = ["--port", str(port), "--data", str(data), "--rules", str(rules)]
    return [sys.executable, "-m", "rtdb", *arguments]


@contextmanager
def running(data: Path, *, rules: Path | None = None, port: int = 0) -> Iterator[Server]:
    """Serve `data` while the block runs."""
    process = subprocess.Popen(
        command(data, rules=rules, port=port),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("rtdb: http://"):
            raise RuntimeError(f"rtdb did not start: {line!r}, see its standard error")
        host, _, number = line.strip().removeprefix("rtdb: http://").rpartition(":")
        yield Server(host, int(number), process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
