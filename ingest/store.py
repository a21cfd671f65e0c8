"""The database's tree, for writing and for reading: the only file that knows it.

::

    /reports/<arrival day, UTC YYYY-MM-DD>/<report id>   the report, and received: server time, ms
    /forgotten/<install>                                  received

With several databases, an install's reports live in the one its pseudonym points to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from firebase_admin import db

from ingest.connection import (
    DatabaseSettings,
    DatabaseUnavailable,
    SettingError,
    connect,
    translated,
)
from ingest.stored import Page, StoredReport, decode_page

__all__ = ["DatabaseUnavailable", "Page", "SettingError", "Store", "StoredReport"]

_SERVER_TIME = {".sv": "timestamp"}


@dataclass(frozen=True)
class Store:
    """Reports in one or several Realtime Databases."""

    shards: tuple[db.Reference, ...]
    embedded: bool = False

    @classmethod
    def connect(cls, environ: Mapping[str, str], *, timeout: float = 30) -> Store:
        """Open the database that the settings name; see `DatabaseSettings.read` and `connect`."""
        settings = DatabaseSettings.read(environ)
        return cls(connect(settings, timeout=timeout), settings.embedded)

    @property
    def source(self) -> str:
        """Names the databases, so that what was read from others can be told apart."""
        return " ".join(f"{root._client.base_url}?{root._client.params}" for root in self.shards)

    def shard_of(self, install: str) -> int:
        """Index of the database that holds an install's reports."""
        return int(install[:8], 16) % len(self.shards)

    def add(self, reports: Iterable[Mapping[str, Any]], *, arrived: datetime) -> None:
        """Store validated reports durably: one multi-path update a database.

        A report stored before under the same id and arrival day is written again, so repeating
        a call changes no count.

        Raises:
            DatabaseUnavailable: some or all of the reports may not be stored.
        """
        day = arrived.astimezone(UTC).date().isoformat()
        updates: dict[int, dict[str, Any]] = defaultdict(dict)
        for report in reports:
            path = f"reports/{day}/{report['id']}"
            updates[self.shard_of(report["install"])][path] = {**report, "received": _SERVER_TIME}
        for shard, update in updates.items():
            root = self.shards[shard]
            with translated(root, embedded=self.embedded):
                root.update(update)

    def days(self, shard: int) -> list[date]:
        """Arrival days that one database holds reports of, in order; other keys are passed over."""
        root = self.shards[shard]
        with translated(root, embedded=self.embedded):
            found = root.child("reports").get(shallow=True) or {}
        return sorted(day for key in found if (day := _day(key)))

    def count(self, shard: int, day: date) -> int:
        """Number of reports that arrived on a day in one database; reads only their keys."""
        root = self.shards[shard]
        with translated(root, embedded=self.embedded):
            return len(root.child(f"reports/{day.isoformat()}").get(shallow=True) or {})

    def arrived(self, shard: int, day: date, *, since: int, limit: int) -> Page:
        """Read the first `limit` reports of an arrival day with ``received`` ≥ `since` (ms UTC)."""
        root = self.shards[shard]
        query = root.child(f"reports/{day.isoformat()}").order_by_child("received")
        query = query.start_at(since).limit_to_first(limit)
        with translated(root, embedded=self.embedded):
            # Query.get() makes a dictionary a report and sorts them by their text; that takes
            # ten times as long and eight times the memory of decoding its answer into structs.
            answer = query._client.request("get", query._pathurl, params=query._querystr)
        return decode_page(answer.content, answer.headers.get("Date"))

    def ping(self) -> None:
        """Ask every database for an answer.

        Raises:
            DatabaseUnavailable: one gave none.
        """
        for root in self.shards:
            with translated(root, embedded=self.embedded):
                root.child("reports/ping").get(shallow=True)


def _day(key: str) -> date | None:
    try:
        day = date.fromisoformat(key)
    except ValueError:
        return None  # not ours: somebody wrote it by hand
    return day if day.isoformat() == key else None
