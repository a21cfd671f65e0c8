"""Running several programs as one: started together, watched together, ended together.

Every program gets a session of its own, so that Ctrl-C reaches only the one who watches, who then
ends the others in order, with all that they started. POSIX only.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

HOST = "127.0.0.1"
GRACE = 5.0
"""Seconds a program has to end by itself before it is killed."""
PATIENCE = 60.0
"""Seconds a program has to answer after its start."""
TAIL = 15
"""Lines of a dead program's log to show."""


class PartFailed(Exception):
    """A part could not start, died or failed; says which in a sentence, with its last words."""


class Stopped(Exception):
    """Somebody asked for the end: Ctrl-C or a signal."""


@dataclass(frozen=True)
class Part:
    """A program that serves on a port of this machine; ``answers`` tells whether it is up."""

    name: str
    command: Sequence[str]
    port: int
    answers: Callable[[], bool]


class Parts:
    """The running parts. Use it in a ``with`` block: at its end, nothing it started is left."""

    def __init__(self, logs: Path, environment: Mapping[str, str], directory: Path) -> None:
        self._logs = logs
        self._environment = environment
        self._directory = directory
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._before: dict[int, Any] = {}
        self._stop = False

    def __enter__(self) -> Parts:
        self._logs.mkdir(parents=True, exist_ok=True)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._ask_to_stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, process in reversed(self._running):
            _end(process)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask_to_stop(self, *_: object) -> None:
        self._stop = True

    def start(self, part: Part) -> None:
        """Start a part without waiting for it; it writes to a log of its name."""
        with self._log(part.name).open("wb") as log:
            self._launch(part.name, part.command, output=log.fileno())

    def await_answer(self, part: Part, patience: float = PATIENCE) -> None:
        """Return once the part answers; raise `PartFailed` if it does not within ``patience`` s."""
        deadline = time.monotonic() + patience
        while not part.answers():
            if time.monotonic() > deadline:
                raise PartFailed(
                    f"The {part.name} does not answer on {HOST}:{part.port} "
                    f"after {patience:.0f} s.{self._last_words(part.name)}"
                )
            self._look_around()

    def complete(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end, its output in plain sight, while the parts go on."""
        process = self._launch(name, command, output=None)
        while process.poll() is None:
            self._look_around(finishing=process)
        self._running.remove((name, process))
        if process.returncode != 0:
            raise PartFailed(f"The {name} failed (exit status {process.returncode}).")

    def watch(self) -> None:
        """Stay until a part dies (`PartFailed`) or somebody asks for the end (`Stopped`)."""
        while True:
            self._look_around()

    def _launch(
        self, name: str, command: Sequence[str], output: int | None
    ) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                cwd=self._directory,
                start_new_session=True,
            )
        except OSError as error:
            raise PartFailed(f"The {name} cannot be started: {error}.") from error
        self._running.append((name, process))
        return process

    def _look_around(self, finishing: subprocess.Popen[bytes] | None = None) -> None:
        """Wait a moment, unless a part has died or the end was asked for."""
        if self._stop:
            raise Stopped
        for name, process in self._running:
            if process is not finishing and process.poll() is not None:
                raise PartFailed(
                    f"The {name} ended by itself (exit status {process.returncode})."
                    f"{self._last_words(name)}"
                )
        time.sleep(0.05)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name.replace(' ', '-')}.log"

    def _last_words(self, name: str) -> str:
        with self._log(name).open(encoding="utf-8", errors="replace") as log:
            lines = "".join(f"\n  {line.rstrip()}" for line in deque(log, TAIL))
        return f" The end of {self._log(name)}:{lines}" if lines else " Its log is empty."


def require_free_ports(parts: Sequence[Part]) -> None:
    """Raise `PartFailed` if something else listens where a part is to listen."""
    for part in parts:
        with socket.socket() as probe:
            # As servers do: a port whose last connections linger is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, part.port))
            except OSError as error:
                raise PartFailed(
                    f"Port {part.port} of {HOST}, which the {part.name} needs, is taken: "
                    "end the program that listens there, perhaps another make run."
                ) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and all it started: asked first, killed after the grace."""
    for number, grace in ((signal.SIGTERM, GRACE), (signal.SIGKILL, 2.0)):
        if not _signal_group(process, number) or _gone_within(process, grace):
            return


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Whether anything of the program's group was left to signal."""
    process.poll()  # an ended leader that nobody asked after still counts as its group
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _gone_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not _signal_group(process, 0):
            return True
        time.sleep(0.02)
    return False
