"""Reading a database back through firebase-admin, apart from the code under test."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import firebase_admin
from firebase_admin import db

from tests.rtdb.server import Server

_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Database:
    """One database of a local server."""

    url: str
    """As in `FIREBASE_DATABASE_URL`."""
    root: db.Reference

    @classmethod
    def on(cls, server: Server, name: str) -> Database:
        """The database of this name, empty until something is stored in it."""
        url = f"{server.url}/?ns={name}"
        app = firebase_admin.initialize_app(name=f"reader-{next(_NUMBERS)}")
        return cls(url, db.reference("/", app=app, url=url))

    def days(self) -> dict[str, dict[str, Any]]:
        """Everything under /reports: day, then id, then report."""
        found = self.root.child("reports").get()
        assert found is None or isinstance(found, dict)
        return found or {}

    def reports(self) -> list[dict[str, Any]]:
        """Every stored report, as often as it is stored."""
        return [report for day in self.days().values() for report in day.values()]

    def find(self, key: str, *, day: str | None = None) -> Any:
        """What lies under this id on a day, by default the present one (UTC)."""
        return self.root.child(f"reports/{day or today()}/{key}").get()


def today() -> str:
    """The present day, UTC."""
    return datetime.now(UTC).date().isoformat()


def as_stored(report: dict[str, Any]) -> dict[str, Any]:
    """What a Realtime Database holds of a report: it keeps no empty map."""
    return {key: value for key, value in report.items() if value != {}}
