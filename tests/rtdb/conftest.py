"""One server for all tests of the protocol, a namespace of its own for each."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import firebase_admin
import pytest
from firebase_admin import db

from tests.rtdb.server import Server, running

COUNTER = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose rules index /people by name, age and more, and /days/$day by received."""
    folder: Path = tmp_path_factory.mktemp("rtdb")
    rules = folder / "rules.json"
    rules.write_text(
        """{"rules": {
            // comments are allowed, as in the hosted database
            "people": {".indexOn": ["name", "age", "home/city", ".value"]},
            "days": {"$day": {".indexOn": ["received", "install"]}},
            "open": {".read": true, "in": {".write": true}}
        }}"""
    )
    with running(folder / "data", rules=rules) as started:
        yield started


@pytest.fixture
def root(server: Server) -> Iterator[db.Reference]:
    """The root of an empty database, through the real client."""
    before = os.environ.get("FIREBASE_DATABASE_EMULATOR_HOST")
    os.environ["FIREBASE_DATABASE_EMULATOR_HOST"] = f"{server.host}:{server.port}"
    name = f"test-{next(COUNTER)}"
    app = firebase_admin.initialize_app(
        options={"databaseURL": f"https://{name}.firebaseio.com", "projectId": "test"}, name=name
    )
    try:
        yield db.reference("/", app=app)
    finally:
        firebase_admin.delete_app(app)
        if before is None:
            del os.environ["FIREBASE_DATABASE_EMULATOR_HOST"]
        else:
            os.environ["FIREBASE_DATABASE_EMULATOR_HOST"] = before
