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
from operator import attrgetter
from typing import Any

from firebase_admin import db
from msgspec import convert
from msgspec.json import Encoder

from ingest.calls import Caller
from ingest.connection import (
    DatabaseSettings,
    DatabaseUnavailable,
    SettingError,
    connect,
    translated,
)
from ingest.schema import Report
from ingest.stored import StoredReport, decode_reports

__all__ = ["DatabaseUnavailable", "SettingError", "Store", "StoredReport"]


def entry(report: Report, day: date) -> bytes:
    """A member of a multi-path update: the report under its arrival day, encoded."""
    return b'"reports/%b/%b":%b,"received":{".sv":"timestamp"}}' % (
        day.isoformat().encode(),
        report.id.encode(),
        _encode(report)[:-1],
    )


_encode = Encoder().encode


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

    def shard_of(self, install: str) -> int:
        """Index of the database that holds an install's reports."""
        return int(install[:8], 16) % len(self.shards)

    def add(self, reports: Iterable[Mapping[str, Any] | Report], *, arrived: datetime) -> None:
        """Store validated reports durably: one multi-path update a database.

        A report stored before under the same id and arrival day is written again, so repeating
        a call changes no count.

        Raises:
            DatabaseUnavailable: some or all of the reports may not be stored.
        """
        day = arrived.astimezone(UTC).date()
        entries: dict[int, list[bytes]] = defaultdict(list)
        for given in reports:
            report = given if isinstance(given, Report) else convert(given, Report)
            entries[self.shard_of(report.install)].append(entry(report, day))
        for shard, some in entries.items():
            Caller(self.shards[shard]).patch(b"{%b}" % b",".join(some))

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

    def arrived(self, shard: int, day: date, *, since: int, limit: int) -> list[StoredReport]:
        """Read the first `limit` reports of an arrival day with ``received`` ≥ `since` (ms UTC).

        Returns them in the order of ``received``.
        """
        root = self.shards[shard]
        query = root.child(f"reports/{day.isoformat()}").order_by_child("received")
        query = query.start_at(since).limit_to_first(limit)
        with translated(root, embedded=self.embedded):
            # Query.get() makes a dictionary a report and sorts them by their text; that takes
            # ten times as long and eight times the memory of decoding its answer into structs.
            answer = query._client.request("get", query._pathurl, params=query._querystr)
        return sorted(decode_reports(answer.content), key=attrgetter("received"))

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
        return date.fromisoformat(key)
    except ValueError:
        return None  # not ours: somebody wrote it by hand
