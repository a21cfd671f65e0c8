"""Several programs run as one, with real processes and real signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import until

SERVES = """
import http.server, os, sys
print("serving", os.getpid(), flush=True)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
STUBBORN = f"""
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
{SERVES}"""
DIES = """
import http.server, sys, threading, os
threading.Timer(1.0, lambda: (print("out of disk", flush=True), os._exit(3))).start()
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
NEVER_UP = "print('no such setting'); raise SystemExit(4)"


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@contextmanager
def supervised(logs: Path, *parts: str, step: str = "") -> Iterator[subprocess.Popen[str]]:
    script = Path(__file__).with_name("supervised.py")
    root = script.parent.parent.parent
    paths = os.pathsep.join([str(root), str(root / "collector")])
    with subprocess.Popen(
        [sys.executable, str(script), str(logs), step, *parts],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=logs,
        env={**os.environ, "PYTHONPATH": paths},
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def pid_in(log: Path, word: str) -> int:
    return next(int(line.split()[1]) for line in log.read_text().splitlines() if word in line)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")  # an orphan may stay a zombie where no init reaps it
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_cleanly(number: int, tmp_path: Path) -> None:
    parts = ("database", free_port(), SERVES, "dashboard", free_port(), SERVES)
    with supervised(tmp_path, *parts) as process:
        assert read_line(process) == "watching"
        pids = [pid_in(tmp_path / f"{name}.log", "serving") for name in ("database", "dashboard")]
        assert all(map(runs, pids))
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert not any(map(runs, pids))


def test_a_part_that_will_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    with supervised(tmp_path, "database", free_port(), STUBBORN) as process:
        assert read_line(process) == "watching"
        log = tmp_path / "database.log"
        pids = [pid_in(log, "serving"), pid_in(log, "child")]
        assert all(map(runs, pids))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert not any(map(runs, pids))


def test_a_part_that_dies_ends_the_others_and_is_named(tmp_path: Path) -> None:
    parts = ("database", free_port(), SERVES, "ingest function", free_port(), DIES)
    with supervised(tmp_path, *parts) as process:
        _, errors = process.communicate(timeout=20)
    log = tmp_path / "ingest-function.log"
    assert process.returncode == 1
    assert errors.startswith(
        f"The ingest function ended by itself (exit status 3). The end of {log}:\n"
    )
    assert errors.endswith("  out of disk\n")
    assert not runs(pid_in(tmp_path / "database.log", "serving"))


def test_a_part_that_does_not_come_up_is_named(tmp_path: Path) -> None:
    with supervised(tmp_path, "dashboard", free_port(), NEVER_UP) as process:
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "The dashboard ended by itself (exit status 4)" in errors
    assert "no such setting" in errors


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        parts = ("database", free_port(), SERVES, "dashboard", port, SERVES)
        with supervised(tmp_path, *parts) as process:
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert errors == (
        f"Port {port} of 127.0.0.1, which the dashboard needs, is taken: "
        "end the program that listens there, perhaps another make run.\n"
    )
    assert not (tmp_path / "database.log").exists()


def test_a_step_that_fails_ends_everything(tmp_path: Path) -> None:
    port = free_port()
    with supervised(tmp_path, "database", port, SERVES, step="raise SystemExit(5)") as process:
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (1, "The step failed (exit status 5).\n")
    assert not runs(pid_in(tmp_path / "database.log", "serving"))


def test_a_signal_during_a_step_ends_the_step_too(tmp_path: Path) -> None:
    step = "import os, time; print('step', os.getpid(), flush=True); time.sleep(600)"
    with supervised(tmp_path, "database", free_port(), SERVES, step=step) as process:
        pid = int(read_line(process).split()[1])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert until(lambda: not runs(pid))
