"""Looking after the stored reports: pruning old days, telling what there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from ingest.forget import bring_home, finish
from ingest.store import PIECE, Store
from ingest.stored import decode_names


def prune(store: Store, *, before: date, advance: Callable[[date, int], None]) -> int:
    """Delete every report that arrived before a day; returns how many.

    Each call to the database deletes `PIECE` at most. Cut off, it goes on when it is run again:
    what is left is all that counts. Also ends forgetting where that was cut off, and tells
    databases that were added who was forgotten before.

    Args:
        advance: called with a day and how many more of its reports are deleted.
    """
    deleted = 0
    bring_home(store)
    for shard in range(len(store.shards)):
        finish(store, store.forgotten(shard))
        for day in store.days(shard):
            if day >= before:
                continue
            ids = store.keys(shard, day)
            for start in range(0, len(ids), PIECE):
                piece = ids[start : start + PIECE]
                store.delete(shard, day, piece)
                deleted += len(piece)
                advance(day, len(piece))
    return deleted


@dataclass
class DayStats:
    """An arrival day."""

    day: date
    reports: int = 0
    installs: int = 0
    size: int = 0
    """Bytes of its reports as the database sends them."""


def day_stats(store: Store, *, since: date) -> Iterator[DayStats]:
    """Count each arrival day from this one on; reads its reports, a page at a time."""
    shards = range(len(store.shards))
    days = sorted({day for shard in shards for day in store.days(shard) if day >= since})
    for day in days:
        stats = DayStats(day)
        ids: set[bytes] = set()
        installs: set[bytes] = set()
        for shard in shards:
            for page in store.pages(shard, day):
                stats.size += len(page)
                for report in decode_names(page):
                    ids.add(bytes.fromhex(report.id))
                    installs.add(bytes.fromhex(report.install))
        stats.reports, stats.installs = len(ids), len(installs)
        yield stats


class _Entry(Struct):
    event: str = ""
    reason: str = ""
    count: int = 0


def counted(lines: Iterable[bytes]) -> Counter[tuple[str, str]]:
    """Sum the function's counts over its log; other lines are passed over.

    Returns a number for each event and reason.
    """
    total: Counter[tuple[str, str]] = Counter()
    for line in lines:
        for entry in _entries(line):
            if entry.event:
                total[entry.event, entry.reason] += entry.count
    return total


def _entries(line: bytes) -> list[_Entry]:
    try:
        return [_decode_entry(line)]
    except DecodeError:
        return []


_decode_entry = Decoder(_Entry).decode


def first_kept(today: date, keep: int) -> date:
    """The oldest arrival day that stays when so many days are kept, today among them."""
    return today - timedelta(days=keep - 1)
