"""Bugsink, a server that speaks Sentry's protocol: installed once a machine, run on loopback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.ingest.function import HOST, PATIENCE, await_answer, free_port

from .home import ROOT

PLACE = ROOT / ".wald" / f"bugsink-{sys.version_info.major}.{sys.version_info.minor}"
"""Environment and empty database, kept: installing takes a minute, and migrating ten seconds."""

SETTINGS = """
from bugsink.settings.default import *
SECRET_KEY = "only for tests, and only on loopback"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
SNAPPEA = {"TASK_ALWAYS_EAGER": True}
BUGSINK = {"BASE_URL": "http://127.0.0.1", "INGEST_STORE_BASE_DIR": "ingestion",
           "PHONEHOME": False}
"""

MAKE_PROJECT = """
from bsmain.models import AuthToken
from projects.models import Project
project = Project.objects.create(name="logtally", slug="logtally")
print(project.id, project.sentry_key.hex, AuthToken.create_full_access().token)
"""


@dataclass(frozen=True)
class Bugsink:
    """A running server with one project."""

    folder: Path
    """Everything that it stores."""
    port: int
    project: int
    key: str
    token: str

    @property
    def dsn(self) -> str:
        """Where the project takes events."""
        return f"http://{self.key}@{HOST}:{self.port}/{self.project}"

    def get(self, path: str, **query: object) -> Any:
        """Ask its API."""
        answer = requests.get(
            f"http://{HOST}:{self.port}/api/canonical/0/{path}/",
            params={name: str(value) for name, value in query.items()},
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=PATIENCE,
        )
        answer.raise_for_status()
        return answer.json()

    def stored(self) -> bytes:
        """Every byte of what it stored."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return b"".join(path.read_bytes() for path in files)


@contextmanager
def running(folder: Path) -> Iterator[Bugsink]:
    """Serve a new project, with everything below *folder*, while the block runs."""
    shutil.copytree(_installed() / "empty", folder)
    project, key, token = _manage(folder, "shell", "-v", "0", "-c", MAKE_PROJECT).split()
    port = free_port()
    server = [_python(), "-m", "gunicorn", "bugsink.wsgi", "--bind", f"{HOST}:{port}"]
    with folder.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            server, cwd=folder, env=_variables(folder), stdout=log, stderr=log
        )
    try:
        ready = f"http://{HOST}:{port}/health/ready"
        await_answer(ready, process, folder.with_suffix(".log").read_text)
        yield Bugsink(folder, port, int(project), key, token)
    finally:
        process.terminate()
        process.wait()


def _installed() -> Path:
    """Return the folder with the environment; makes it where there is none."""
    ready = PLACE / "ready"
    if ready.exists():
        return PLACE
    shutil.rmtree(PLACE, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(PLACE)], check=True)
    pip = [_python(), "-m", "pip", "install", "--quiet", "bugsink"]
    done = subprocess.run(pip, capture_output=True, text=True)
    if "(from versions: none)" in done.stderr or "Connection" in done.stderr:
        pytest.skip("the package index cannot be reached, and Bugsink is not installed yet")
    assert done.returncode == 0, done.stderr
    empty = PLACE / "empty"
    empty.mkdir()
    (empty / "bugsink_conf.py").write_text(SETTINGS)
    for database in ("default", "snappea"):
        _manage(empty, "migrate", "-v", "0", "--database", database)
    ready.touch()
    return PLACE


def _python() -> str:
    return str(PLACE / "bin" / "python")


def _variables(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(folder)}


def _manage(folder: Path, *arguments: str) -> str:
    """Run one of Bugsink's management commands; return what it prints."""
    command = [str(PLACE / "bin" / "bugsink-manage"), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=_variables(folder), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
