"""The function as its users start it: functions-framework in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
PATIENCE = 60
"""Seconds until a function that does not answer is given up."""


@dataclass(frozen=True)
class Function:
    """A function that answers."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process that was started; it leads the group of those it started itself."""
        return self.process.pid

    def said(self) -> str:
        """What it wrote to standard output and standard error so far."""
        return self.log.read_text(encoding="utf-8")

    def memory(self) -> int:
        """Bytes that its largest worker holds now; Linux only."""
        return self._memory("VmRSS:")

    def peak_memory(self) -> int:
        """Bytes that its largest worker held at most, so far; Linux only."""
        return self._memory("VmHWM:")

    def _memory(self, name: str) -> int:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        status = [Path(f"/proc/{child}/status").read_text() for child in children]
        return max(int(text.partition(name)[2].split()[0]) for text in status) * 1024

    def kill(self) -> None:
        """End it and its workers with SIGKILL."""
        os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def settings(**variables: str) -> dict[str, str]:
    """This process's environment with these settings of Wald's and no others."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FIREBASE_", "GOOGLE_", "WALD_"))
    }
    return {**kept, "PYTHONPATH": f"{ROOT}:{ROOT / 'collector'}", **variables}


def command(port: int) -> list[str]:
    """The command line that serves the function."""
    framework = [sys.executable, "-m", "functions_framework", "--asgi", "--target", "ingest"]
    return [*framework, "--source", "ingest/main.py", "--host", HOST, "--port", str(port)]


@contextmanager
def serving(database: str, *, limits: str = "off") -> Iterator[Function]:
    """Serve the function while the block runs.

    Args:
        database: one or several addresses, as in `FIREBASE_DATABASE_URL`; none needs to answer.
        limits: as in `WALD_LIMITS`.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="wald-function-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command(port),
                cwd=ROOT,
                env=settings(FIREBASE_DATABASE_URL=database, WALD_LIMITS=limits),
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        function = Function(port, process, log)
        try:
            # 503 is an answer too, for the database may be down on purpose.
            await_answer(f"{function.url}/healthz", process, function.said)
            yield function
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def await_answer(url: str, process: subprocess.Popen[bytes], said: Callable[[], str]) -> None:
    """Return once there is an answer, whatever its status; raises RuntimeError if none comes.

    Args:
        process: who is to answer; if it ends, it is not waited for any longer.
        said: what it wrote, to tell why it does not answer.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            requests.get(url, timeout=PATIENCE)
            return
        except requests.ConnectionError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{url} does not answer: {said()}") from None
            time.sleep(0.05)
