"""Arrival days of the databases: which there are to read, and what is new of one.

``received`` is a time of the database's own, and grows as reports arrive; so of a day, what came
since the last look is what lies above a cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter

from dashboard.part import Cursor
from ingest.store import DatabaseUnavailable, Page, Store

PAGE = 8_000
"""Reports read at a time: more than one update writes, for these share their server time; and
even of the largest, no more than the hosted database's 256 MB."""

LARGER = 5
"""How many times as many are read at a time where they are small, as most are."""

BODY = 16 << 20
"""Bytes that a page of small ones should have, at most: the whole day, on most days."""

OVERLAP_MS = 10_000
"""How long after its time, by the database's clock, a report may surface: writes may do so out of
order. What is younger than that is read again."""

CLOSING = timedelta(hours=1)
"""How long after its end a day may still get reports: an update's day is set before it is sent."""

SAMPLED = 10
"""Days that are looked at to tell about how many reports there are."""


@dataclass(frozen=True)
class Read:
    """A page, and how far its day is read with it."""

    page: Page
    cursor: Cursor


def open_days(store: Store, cursors: Mapping[tuple[int, date], Cursor]) -> list[Cursor]:
    """The days that may hold reports not read yet, in the order they came."""
    found = (
        cursors.get((shard, day), Cursor(shard, day))
        for shard in range(len(store.shards))
        for day in store.days(shard)
    )
    return sorted((cursor for cursor in found if not cursor.closed), key=attrgetter("day"))


def about(store: Store, days: Sequence[Cursor]) -> int:
    """Estimate how many reports the days hold that were never read, by a few of these."""
    unread = [day for day in days if not day.since]
    some = unread[:: len(unread) // SAMPLED + 1]
    held = sum(store.about(day.shard, day.day) for day in some)
    return held * len(unread) // max(1, len(some))


class DayReader:
    """Reads the new reports of days, a page at a time."""

    def __init__(self, store: Store, now: Callable[[], datetime], size: int) -> None:
        """Nothing is read yet.

        Args:
            now: the time (UTC), which tells whether a day may still get reports.
            size: reports read at a time, up to `LARGER` times as many where those read last were
                small, as long as the database answers: it finds a report of a whole day in two
                thirds of the time that one of a page takes.
        """
        self._store = store
        self._now = now
        self._size = self._wanted = size
        self._most = LARGER * size

    def __call__(self, day: Cursor) -> Iterator[Read]:
        """Read what is new of a day.

        ``received`` is no unique key, so a page begins with the reports that share the time of
        the last one of the page before; a page that holds but one time is read again, larger.
        """
        end = datetime.combine(day.day, datetime.min.time(), UTC) + timedelta(days=1)
        closed = self._now() > end + CLOSING
        since, least, unsettled = day.since, self._size, None
        while True:
            page, limit = self._page(day, since, least)
            is_last = len(page.children) < limit
            if is_last and closed:
                read = int(end.timestamp() * 1000)
                yield Read(page, Cursor(day.shard, day.day, max(read, since), closed))
                return
            latest = page.last()
            last = since if latest is None else latest
            if not is_last and last == since:
                least = 2 * limit
                continue
            settled = (last if page.server_ms is None else page.server_ms) - OVERLAP_MS
            if latest is not None and last >= settled and unsettled is None:
                unsettled = settled
            since = last + 1 if is_last and latest is not None else last
            until = since if unsettled is None else max(0, min(since, unsettled))
            yield Read(page, Cursor(day.shard, day.day, until))
            if is_last:
                return
            least = self._size

    def _page(self, day: Cursor, since: int, least: int) -> tuple[Page, int]:
        """Read a page, and say how many reports it may have: no fewer than `least`."""
        limit = max(least, self._wanted)
        try:
            page = self._store.arrived(day.shard, day.day, since=since, limit=limit)
        except DatabaseUnavailable:
            if limit == least:
                raise
            # More than it answers with, perhaps: nothing larger is tried again.
            self._wanted = self._most = self._size
            return self._page(day, since, least)
        if page.children:
            fit = BODY * len(page.children) // len(page.body)
            self._wanted = max(self._size, min(fit, self._most))
        return page, limit
