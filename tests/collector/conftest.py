"""Fixtures: a server that records, and a home that reports to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .home import Home
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
