"""What happens to a request's reports: judged, stored, answered."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime

import msgspec

from ingest.calls import Caller
from ingest.commit import Committer
from ingest.reports import judge
from ingest.store import Store, entry


class Rejection(msgspec.Struct, frozen=True):
    """A report that was refused by itself."""

    index: int
    """Its place in the request."""
    reason: str


class Receipt(msgspec.Struct, frozen=True):
    """The answer to a request of reports."""

    accepted: int
    """Reports that are durably stored."""
    rejected: list[Rejection]


class Intake:
    """Takes reports into the databases. Belongs to the event loop it is made in."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._committers = [Committer(Caller(root).patch) for root in store.shards]

    async def take(self, body: bytes) -> Receipt:
        """Judge the reports of a request's body and store the valid ones; return when durable.

        Raises:
            Refused: 400, the body is not JSON or not the schema.
            Full: too much waits for the database already; nothing was taken.
            DatabaseUnavailable: some may not be stored; sent again, none is stored twice.
        """
        arrived = datetime.now(UTC)
        accepted, refused = judge(body, arrived)
        day = arrived.date()
        entries: dict[int, list[bytes]] = defaultdict(list)
        for report in accepted.values():
            entries[self._store.shard_of(report.install)].append(entry(report, day))
        if len(entries) == 1:
            ((shard, some),) = entries.items()
            await self._committers[shard].store(some)
        elif entries:
            await asyncio.gather(
                *(self._committers[shard].store(some) for shard, some in entries.items())
            )
        rejected = [Rejection(index, reason) for index, reason in sorted(refused.items())]
        return Receipt(len(accepted), rejected)
