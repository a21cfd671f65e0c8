"""One database and one function for all tests that end neither."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ingest.database import Database
from tests.ingest.function import Function, serving
from tests.rtdb.server import Server, running


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A local Realtime Database."""
    with running(tmp_path_factory.mktemp("ingest-rtdb")) as started:
        yield started


@pytest.fixture(scope="session")
def database(local: Server) -> Database:
    """The database the function stores into."""
    return Database.on(local, "ingest")


@pytest.fixture(scope="session")
def function(database: Database) -> Iterator[Function]:
    """The function on that database."""
    with serving(database.url) as started:
        yield started
