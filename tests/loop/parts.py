"""Wald's own programs as a user starts them, each in a process of its own, on free ports."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0
"""Seconds for a program to answer, on a machine that has other things to do."""

OURS = ("FIREBASE_", "WALD_", "SENTRY_", "GOOGLE_", "STREAMLIT_")
"""How the settings begin that may stand in the environment of whoever runs the tests."""


def environment(**settings: str) -> dict[str, str]:
    """The environment of a part: these settings, and none of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    kept |= {"PYTHONPATH": f"{ROOT / 'collector'}{os.pathsep}{ROOT}"}
    kept |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return kept | settings


def python(
    *arguments: str, env: Mapping[str, str], cwd: Path = ROOT, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Run a command line of Wald's to its end: ``python("-m", "dashboard", "sync", env=...)``."""
    done = subprocess.run(
        [sys.executable, *arguments], env=env, cwd=cwd, input=stdin, capture_output=True
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def ingest(database: str, log: Path) -> Iterator[str]:
    """Serve the function over the database at ``host:port``; gives its address."""
    port = free_port()
    framework = ("-m", "functions_framework", "--asgi", "--source", "ingest/main.py")
    serve = (*framework, "--target", "ingest", "--host", "127.0.0.1", "--port", str(port))
    # Every tool of the test reports from one address, which the limits would take for one user.
    env = environment(FIREBASE_DATABASE_EMULATOR_HOST=database, WALD_LIMITS="off")
    with serving(serve, f"http://127.0.0.1:{port}", "/healthz", env, log) as url:
        yield url


@contextmanager
def dashboard(
    log: Path,
    env: Mapping[str, str],
    *,
    address: str = "127.0.0.1",
    port: int | None = None,
    cwd: Path = ROOT,
) -> Iterator[str]:
    """Serve the dashboard; gives its address on this machine.

    Args:
        address: what it listens on.
        cwd: the folder whose `.streamlit` holds its settings.
    """
    port = port or free_port()
    place = ("--server.port", str(port), "--server.address", address, "--server.headless", "true")
    serve = ("-m", "streamlit", "run", str(ROOT / "dashboard" / "app.py"), *place)
    with serving(serve, f"http://127.0.0.1:{port}", "/_stcore/health", env, log, cwd) as url:
        yield url


@contextmanager
def serving(
    arguments: Sequence[str],
    url: str,
    ready: str,
    env: Mapping[str, str],
    log: Path,
    cwd: Path = ROOT,
) -> Iterator[str]:
    """Run Python with these arguments until the block ends; waits until it answers at `ready`."""
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            _await(process, url + ready, log)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _answers(url):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended by itself: {log.read_text()}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing answers at {url}: {log.read_text()}")
        time.sleep(0.1)


def keys(database: str, path: str) -> list[str]:
    """What stands in the database under a path, by name."""
    address = f"{database}/{path}.json?ns=wald&shallow=true"
    request = urllib.request.Request(address, headers={"Authorization": "Bearer owner"})
    with _DIRECT.open(request, timeout=30) as answer:
        return list(json.load(answer) or {})


def _answers(url: str) -> bool:
    try:
        with _DIRECT.open(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Asks without the proxy that the environment may name."""
