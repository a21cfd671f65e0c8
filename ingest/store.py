"""The database's tree, for writing and for reading: the only file that knows it.

::

    /reports/<arrival day, UTC YYYY-MM-DD>/<report id>   the report, and received: server time, ms
    /forgotten/<install>                                  received, and pending: true until all of
                                                          its reports are gone

With several databases, an install's reports live in the one its pseudonym points to.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from operator import attrgetter
from typing import Any

from firebase_admin import db
from msgspec import Raw, Struct, convert
from msgspec.json import Decoder, Encoder

from ingest.calls import Caller, Selection
from ingest.connection import (
    DatabaseSettings,
    DatabaseUnavailable,
    SettingError,
    connect,
    translated,
)
from ingest.schema import MAX_TIME, Report
from ingest.stored import Page, decode_page

__all__ = [
    "FORGOTTEN",
    "MAX_TIME",
    "DatabaseUnavailable",
    "Forgotten",
    "Page",
    "SettingError",
    "Store",
]

FORGOTTEN = "this install was forgotten, as it asked to be"
"""Why its reports are refused."""

SAMPLE = 100
"""Reports that are read to estimate how many there are."""

PIECE = 500
"""Reports deleted at once, so that no call is too large for a hosted database."""


def entry(report: Report, day: date) -> bytes:
    """A member of a multi-path update: the report under its arrival day, encoded."""
    return b'"reports/%b/%b":%b,"received":{".sv":"timestamp"}}' % (
        day.isoformat().encode(),
        report.id.encode(),
        _encode(report)[:-1],
    )


_encode = Encoder().encode
_decode_keys = Decoder(dict[str, Raw] | None).decode


class Forgotten(Struct, frozen=True):
    """An install that asked to be forgotten."""

    install: str
    received: int
    """When it asked, ms UTC by the database's clock."""
    pending: bool
    """Its reports may not all be deleted yet."""
    shard: int
    """The database that says so; another than `Store.shard_of` once databases were added."""


class _Mark(Struct, frozen=True):
    received: int = 0
    pending: bool = False


_decode_marks = Decoder(dict[str, _Mark] | None).decode


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
            self._callers[shard].patch(b"{%b}" % b",".join(some))

    def days(self, shard: int) -> list[date]:
        """Arrival days that one database holds reports of, in order; other keys are passed over."""
        root = self.shards[shard]
        with translated(root, embedded=self.embedded):
            found = root.child("reports").get(shallow=True) or {}
        return sorted(day for key in found if (day := _day(key)))

    def about(self, shard: int, day: date) -> int:
        """About how many reports arrived on a day in one database; reads but a few of them.

        Ids are spread evenly, so the smallest `SAMPLE` of them tell how close they lie: (k-1)/U
        for the k-th at the share U of their range, right within some 10 % (Bar-Yossef et al.,
        "Counting Distinct Elements in a Data Stream", 2002). Few reports are counted.
        """
        query = self.shards[shard].child(f"reports/{day.isoformat()}").order_by_key()
        keys = sorted(_decode_keys(self._read(shard, query.limit_to_first(SAMPLE))) or {})
        if len(keys) < SAMPLE or not re.fullmatch("[0-9a-f]{32}", keys[-1]):
            return len(keys)
        return (SAMPLE - 1) * 16**32 // (int(keys[-1], 16) or 1)

    def arrived(self, shard: int, day: date, *, since: int, limit: int) -> Page:
        """Read the first `limit` reports of an arrival day with ``received`` ≥ `since` (ms UTC).

        They come undecoded, as most of what there is to do with them is best done by others.
        """
        root = self.shards[shard]
        query = root.child(f"reports/{day.isoformat()}").order_by_child("received")
        query = query.start_at(since).limit_to_first(limit)
        return decode_page(*self._ask(shard, query))

    def pages(self, shard: int, day: date, *, limit: int = 5000) -> Iterator[bytes]:
        """Read an arrival day from one database in pieces of `limit` reports, as JSON."""
        first = "0"
        while True:
            query = self.shards[shard].child(f"reports/{day.isoformat()}").order_by_key()
            page = self._read(shard, query.start_at(first).limit_to_first(limit))
            keys = sorted(_decode_keys(page) or {})
            if keys:
                yield page
            if len(keys) < limit:
                return
            first = keys[-1][:-1] + chr(ord(keys[-1][-1]) + 1)  # ids have a fixed length

    def keys(self, shard: int, day: date) -> list[str]:
        """Ids of the reports that arrived on a day in one database."""
        root = self.shards[shard]
        with translated(root, embedded=self.embedded):
            return list(root.child(f"reports/{day.isoformat()}").get(shallow=True) or {})

    def delete(self, shard: int, day: date, ids: Sequence[str]) -> None:
        """Delete reports of an arrival day from one database, `PIECE` at a time."""
        root = self.shards[shard]
        for start in range(0, len(ids), PIECE):
            with translated(root, embedded=self.embedded):
                root.update(
                    {f"reports/{day.isoformat()}/{one}": None for one in ids[start:][:PIECE]}
                )

    def delete_install(self, shard: int, day: date, install: str) -> int:
        """Delete an install's reports of an arrival day from one database; returns how many."""
        root = self.shards[shard]
        query = root.child(f"reports/{day.isoformat()}").order_by_child("install")
        query = query.equal_to(install).limit_to_first(PIECE)
        deleted = 0
        while ids := list(_decode_keys(self._read(shard, query)) or {}):
            self.delete(shard, day, ids)
            deleted += len(ids)
        return deleted

    def mark_forgotten(self, install: str) -> None:
        """Note that an install asked to be forgotten, and that its reports are to be deleted.

        One that asked before keeps the time it asked first.
        """
        shard = self.shard_of(install)
        root = self.shards[shard]
        with translated(root, embedded=self.embedded):
            mark = root.child(f"forgotten/{install}")
            if mark.child("received").get() is None:
                mark.set({"received": {".sv": "timestamp"}, "pending": True})
            else:
                mark.update({"pending": True})

    def end_forgetting(self, mark: Forgotten) -> None:
        """Note that all reports of a forgotten install are deleted."""
        root = self.shards[mark.shard]
        with translated(root, embedded=self.embedded):
            root.child(f"forgotten/{mark.install}/pending").delete()

    def forgotten(self, shard: int, *, since: int = 0) -> list[Forgotten]:
        """Read which installs were forgotten since then (ms UTC), by when they asked."""
        query = self.shards[shard].child("forgotten").order_by_child("received").start_at(since)
        marks = _decode_marks(self._read(shard, query)) or {}
        found = [
            Forgotten(install, mark.received, mark.pending, shard)
            for install, mark in marks.items()
        ]
        return sorted(found, key=attrgetter("received"))

    def _read(self, shard: int, query: db.Query) -> bytes:
        return self._ask(shard, query).body

    def _ask(self, shard: int, query: db.Query) -> Selection:
        return self._callers[shard].get(query)

    @cached_property
    def _callers(self) -> list[Caller]:
        return [Caller(root, embedded=self.embedded) for root in self.shards]

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
