"""Bringing the warehouse up to date: each report is read from the database once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import duckdb

from dashboard.warehouse import DAMAGE, Replacement, Warehouse, WarehouseError
from ingest.store import Page, Store, StoredReport

PAGE = 20_000
"""Reports read at a time: more than one update writes, for these share their server time."""

OVERLAP_MS = 10_000
"""How far a day is read again before the last report seen, unless that was older than this when
the last sync began, both by the database's clock: writes may surface out of order."""

CLOSING = timedelta(hours=1)
"""How long after its end a day may still get reports: an update's day is set before it is sent."""


@dataclass(frozen=True)
class Progress:
    """How far a sync has come."""

    done: int
    total: int
    """Reports waiting, as counted at the start: an estimate where tools go on reporting."""


@dataclass(frozen=True)
class Synced:
    """What a sync did."""

    new: int
    """Reports that were not in the warehouse before."""
    rebuilt: str | None
    """Why the warehouse was made anew, in a sentence; None where it was not."""


@dataclass(frozen=True)
class _Day:
    """An arrival day of one database, and the ``received`` from which to read it (ms UTC)."""

    shard: int
    day: date
    since: int


def sync(
    store: Store,
    warehouse: Warehouse,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[Progress], None] = lambda progress: None,
    wait: bool = True,
    page_size: int = PAGE,
) -> Synced:
    """Read the reports that arrived since the last sync into the warehouse.

    Cut off at any moment, the next call goes on where it was. A warehouse that turns out to be
    damaged is built anew.

    Args:
        now: the time (UTC), which tells whether a day may still get reports.
        progress: called after each page.
        wait: wait for another process that is syncing, instead of raising.
        page_size: reports read at a time.

    Raises:
        DatabaseUnavailable: the database does not answer; what was read before is kept.
        BlockingIOError: another process is syncing, and `wait` is false.
        SettingError: the warehouse can't be written.
    """
    try:
        return _sync(store, warehouse, now, progress, wait, page_size)
    except DAMAGE as error:
        if "No space left" in str(error):
            raise WarehouseError(f"No space is left on the disk for {warehouse.path}") from error
        warehouse.recover()
        done = _sync(store, warehouse, now, progress, wait, page_size)
        return replace(done, rebuilt="it was damaged") if done.rebuilt is None else done


def _sync(
    store: Store,
    warehouse: Warehouse,
    now: Callable[[], datetime],
    progress: Callable[[Progress], None],
    wait: bool,
    page_size: int,
) -> Synced:
    started = datetime.now(UTC)
    asked: list[int] = []  # when the database answered first, by its own clock
    with warehouse.replacing(store.source, wait=wait) as replacement:
        connection = replacement.connection
        days = _open_days(store, connection, warehouse.settled_ms())
        total = _waiting(store, days)
        done = 0
        for day in days:
            closed = now() > datetime.combine(day.day, datetime.min.time(), UTC) + (
                timedelta(days=1) + CLOSING
            )
            for page in _pages(store, day, page_size):
                if page.server_ms is not None:
                    asked.append(page.server_ms)
                _store_page(replacement, day, page.reports)
                done += len(page.reports)
                progress(Progress(min(done, total), total))
            if closed:
                connection.execute(
                    "UPDATE cursors SET closed = true WHERE shard = ? AND day = ?",
                    [day.shard, day.day],
                )
        new = replacement.publish()
        warehouse.mark_synced(started, min(asked, default=0) - OVERLAP_MS)
    return Synced(new, replacement.rebuilt)


def _open_days(store: Store, connection: duckdb.DuckDBPyConnection, settled_ms: int) -> list[_Day]:
    """The days that may hold reports not read yet, in the order they came."""
    rows = connection.execute("SELECT shard, day, received, closed FROM cursors").fetchall()
    closed = {(shard, day) for shard, day, _, is_closed in rows if is_closed}
    received = {(shard, day): ms for shard, day, ms, _ in rows}

    def since(shard: int, day: date) -> int:
        last: int | None = received.get((shard, day))
        if last is None:
            return 0
        return last + 1 if last < settled_ms else max(0, last - OVERLAP_MS)

    return sorted(
        (
            _Day(shard, day, since(shard, day))
            for shard in range(len(store.shards))
            for day in store.days(shard)
            if (shard, day) not in closed
        ),
        key=lambda open_day: open_day.day,
    )


def _waiting(store: Store, days: Iterable[_Day]) -> int:
    """Count the reports of the days that were never read."""
    return sum(store.count(day.shard, day.day) for day in days if not day.since)


def _pages(store: Store, day: _Day, size: int) -> Iterable[Page]:
    """Read a day's new reports, a page at a time.

    ``received`` is no unique key, so a page begins with the reports that share the time of the
    last one of the page before; a page that holds but one time is read again, larger.
    """
    since, limit = day.since, size
    while True:
        page = store.arrived(day.shard, day.day, since=since, limit=limit)
        if page.rows < limit:
            yield page
            return
        last = page.reports[-1].received if page.reports else since
        if last == since:
            limit *= 2
            continue
        yield page
        since, limit = last, size


def _store_page(replacement: Replacement, day: _Day, page: list[StoredReport]) -> None:
    """Note a page's reports and move the day's cursor, both or neither."""
    if not page:
        return
    connection = replacement.connection
    connection.begin()
    replacement.add(page)
    connection.execute(
        "INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, false)",
        [day.shard, day.day, page[-1].received],
    )
    connection.commit()
