"""Bringing the warehouse up to date: each report is read from the database once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter

from dashboard.ahead import ahead
from dashboard.load import Load, loading, recover
from dashboard.part import Cursor
from dashboard.warehouse import DAMAGE, Warehouse, WarehouseError, first_line
from ingest.store import Page, Store

PAGE = 8_000
"""Reports read at a time: more than one update writes, for these share their server time; and
even of the largest, no more than the hosted database's 256 MB."""

AHEAD = 32 << 20
"""Bytes that are read while others are taken in."""

FIRST = 48 << 20
"""Bytes that are taken in first: while that is done more are read, so it begins early."""

CHUNK = 192 << 20
"""Bytes that are taken in at a time later, some 400,000 reports: fewer would cost more each."""

PATIENCE = 15.0
"""Seconds after which less is taken in, so that the pages show it."""

TELLING = 1.0
"""Seconds between the times that those who wait for another's sync are told how far it is."""

OVERLAP_MS = 10_000
"""How long after its time, by the database's clock, a report may surface: writes may do so out of
order. What is younger than that is read again."""

CLOSING = timedelta(hours=1)
"""How long after its end a day may still get reports: an update's day is set before it is sent."""

SAMPLED = 10
"""Days that are looked at to tell about how many reports there are."""


@dataclass(frozen=True)
class Progress:
    """How far a sync has come."""

    done: int
    total: int
    """Reports waiting, by what a few days hold: an estimate, and never less than `done`."""


@dataclass(frozen=True)
class Synced:
    """What a sync did."""

    new: int
    """Reports that were not in the warehouse before."""
    rebuilt: str | None
    """Why the warehouse was made anew, in a sentence; None where it was not."""


@dataclass(frozen=True)
class _Read:
    """A page, and how far its day is read with it."""

    page: Page
    cursor: Cursor


def sync(
    store: Store,
    warehouse: Warehouse,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[Progress], None] = lambda progress: None,
    wait: bool = True,
    page_size: int = PAGE,
    chunk: int = CHUNK,
) -> Synced:
    """Read the reports that arrived since the last sync into the warehouse.

    They show there a part at a time. Cut off at any moment, the next call goes on after the last
    part. A warehouse that turns out to be damaged is built anew.

    Args:
        now: the time (UTC), which tells whether a day may still get reports.
        progress: called after each page.
        wait: wait for another who is syncing, instead of raising.
        page_size: reports read at a time.
        chunk: bytes of a part.

    Raises:
        DatabaseUnavailable: the database does not answer; what was taken in before is kept.
        BlockingIOError: another is syncing, and `wait` is false.
        SettingError: the warehouse can't be written.
        WarehouseError: there is no space for it, or it can't be opened.
    """

    def attempt() -> Synced:
        with loading(warehouse, store.source, wait=wait) as load:
            return _sync(store, warehouse, load, now, progress, page_size, chunk)

    try:
        return attempt()
    except DAMAGE as error:
        if "No space left" in str(error):
            raise WarehouseError(f"No space is left on the disk for {warehouse.path}") from error
        recover(warehouse)
    try:
        done = attempt()
    except DAMAGE as error:
        raise WarehouseError(f"{warehouse.path} can't be used: {first_line(error)}") from error
    return replace(done, rebuilt="it was damaged") if done.rebuilt is None else done


def _sync(
    store: Store,
    warehouse: Warehouse,
    load: Load,
    now: Callable[[], datetime],
    progress: Callable[[Progress], None],
    page_size: int,
    chunk: int,
) -> Synced:
    started = datetime.now(UTC)
    days = _open_days(store, load.cursors)
    total = _about(store, days)
    done = size = 0
    enough = min(FIRST, chunk)
    published = told = time.monotonic()
    reads = (read for day in days for read in _read(store, day, now, page_size))
    with ahead(reads, weight=lambda read: len(read.page.body), most=AHEAD) as coming:
        for read in coming:
            load.add(read.page.children)
            load.note(read.cursor)
            done += len(read.page.children)
            size += len(read.page.body)
            total = max(total, done)
            progress(Progress(done, total))
            if time.monotonic() - told >= TELLING:
                load.tell(done=done, total=total)
                told = time.monotonic()
            if size >= enough or time.monotonic() - published >= PATIENCE:
                load.publish()
                size, published = 0, time.monotonic()
                enough = min(2 * enough, chunk)
    # After the reports, so that a mark that was made meanwhile is known to the last part.
    for shard in range(len(store.shards)):
        since = max(0, load.marks_until(shard) - OVERLAP_MS)
        load.forget(shard, store.forgotten(shard, since=since))
    new = load.finish()
    progress(Progress(done, done))
    load.tell(
        version=warehouse.state().version or 1,
        synced_ms=int(started.timestamp() * 1000),
        done=done,
        total=done,
    )
    return Synced(new, load.rebuilt)


def _open_days(store: Store, cursors: Mapping[tuple[int, date], Cursor]) -> list[Cursor]:
    """The days that may hold reports not read yet, in the order they came."""
    found = (
        cursors.get((shard, day), Cursor(shard, day))
        for shard in range(len(store.shards))
        for day in store.days(shard)
    )
    return sorted((cursor for cursor in found if not cursor.closed), key=attrgetter("day"))


def _about(store: Store, days: Sequence[Cursor]) -> int:
    """Estimate how many reports the days hold that were never read, by a few of these."""
    unread = [day for day in days if not day.since]
    some = unread[:: len(unread) // SAMPLED + 1]
    held = sum(store.about(day.shard, day.day) for day in some)
    return held * len(unread) // max(1, len(some))


def _read(store: Store, day: Cursor, now: Callable[[], datetime], size: int) -> Iterator[_Read]:
    """Read a day's new reports, a page at a time.

    ``received`` is no unique key, so a page begins with the reports that share the time of the
    last one of the page before; a page that holds but one time is read again, larger.
    """
    end = datetime.combine(day.day, datetime.min.time(), UTC) + timedelta(days=1)
    closed = now() > end + CLOSING
    since, limit, unsettled = day.since, size, None
    while True:
        page = store.arrived(day.shard, day.day, since=since, limit=limit)
        is_last = len(page.children) < limit
        if is_last and closed:
            read = int(end.timestamp() * 1000)
            yield _Read(page, Cursor(day.shard, day.day, max(read, since), closed))
            return
        latest = page.last()
        last = since if latest is None else latest
        if not is_last and last == since:
            limit *= 2
            continue
        settled = (last if page.server_ms is None else page.server_ms) - OVERLAP_MS
        if latest is not None and last >= settled and unsettled is None:
            unsettled = settled
        since = last + 1 if is_last and latest is not None else last
        until = since if unsettled is None else max(0, min(since, unsettled))
        yield _Read(page, Cursor(day.shard, day.day, until))
        if is_last:
            return
        limit = size
