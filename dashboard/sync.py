"""Bringing the warehouse up to date: each report is read from the database once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dashboard.ahead import ahead
from dashboard.arrival_days import OVERLAP_MS, PAGE, DayReader, about, open_days
from dashboard.load import Load, loading, recover
from dashboard.warehouse import DAMAGE, Warehouse, WarehouseError, first_line
from ingest.store import Store

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
        page_size: reports read at a time, see `DayReader`.
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
    days = open_days(store, load.cursors)
    total = about(store, days)
    done = size = 0
    enough = min(FIRST, chunk)
    published = told = time.monotonic()
    read_day = DayReader(store, now, page_size)
    reads = (read for day in days for read in read_day(day))
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
