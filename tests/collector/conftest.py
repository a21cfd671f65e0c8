"""Fixtures: a server that records, and a home that reports to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .home import ROOT, Home
from .server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a server on loopback that takes everything."""
    with Server() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, server: Server) -> Home:
    """Give an empty home whose tool reports to the server."""
    return Home(tmp_path / "home", server.url)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the wheel, as it would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    _do("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def python(wheel: Path) -> Path:
    """Give the Python of an environment with nothing but the wheel in it."""
    place = wheel.parent / "empty"
    _do("-m", "venv", "--without-pip", str(place))
    made = place / "bin" / "python"
    _do("-m", "pip", "--python", str(made), "install", "--no-index", "--no-deps", str(wheel))
    return made


def _do(*command: str) -> None:
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)
