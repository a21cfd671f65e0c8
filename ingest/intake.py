"""What happens to a request's reports: judged, stored, answered."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import msgspec

from ingest.body import Full
from ingest.calls import Caller
from ingest.channel import Channel
from ingest.commit import Committer
from ingest.counts import Counts
from ingest.marks import Marks
from ingest.rates import Limits
from ingest.reports import judge
from ingest.schema import Report
from ingest.store import FORGOTTEN, Store, entry


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

    def __init__(
        self, store: Store, marks: Sequence[Marks], limits: Limits | None, counts: Counts
    ) -> None:
        """Nothing is sent to the databases yet.

        Args:
            marks: who was forgotten, for each database.
            limits: what one install and one address may send; None leaves that to others.
        """
        self._store = store
        self._limits = limits
        self._counts = counts
        self._marks = marks
        self._committers = [
            Committer(self._writing(Channel(Caller(root)))) for root in store.shards
        ]

    def check_room(self) -> None:
        """Raise `Full` where no database has room: said early, it costs next to nothing."""
        if all(committer.full for committer in self._committers):
            raise Full

    async def take(self, body: bytes, address: str) -> Receipt:
        """Judge the reports of a request's body and store the valid ones; return when durable.

        Raises:
            Refused: 400, the body is not JSON or not the schema.
            TooMany: an install or the address sends too much; nothing was taken.
            Full: too much waits for the database already; nothing was taken.
            DatabaseUnavailable: some may not be stored; sent again, none is stored twice.
        """
        arrived = datetime.now(UTC)
        valid, refused = judge(body, arrived)
        del body  # up to 8 MiB, which many may hold while they wait
        if self._limits and valid:
            self._limits.admit_reports([one.install for one in valid.values()], address)
        shards = self._by_shard(valid)
        if len(shards) == 1:
            ((shard, reports),) = shards.items()
            gone = await self._store_in(shard, reports, arrived)
        else:
            # All of them are waited for: what is answered must not change afterwards.
            outcomes = await asyncio.gather(
                *(self._store_in(shard, some, arrived) for shard, some in shards.items()),
                return_exceptions=True,
            )
            gone = []
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
                gone += outcome
        refused.update(dict.fromkeys(gone, FORGOTTEN))
        accepted = len(valid) - len(gone)
        self._counts.add("accepted", count=accepted)
        for reason in refused.values():
            self._counts.add("refused", reason)
        return Receipt(accepted, [Rejection(*one) for one in sorted(refused.items())])

    def _by_shard(self, reports: dict[int, Report]) -> dict[int, dict[int, Report]]:
        if len(self._committers) == 1:
            return {0: reports} if reports else {}
        shards: dict[int, dict[int, Report]] = defaultdict(dict)
        for index, report in reports.items():
            shards[self._store.shard_of(report.install)][index] = report
        return shards

    async def _store_in(
        self, shard: int, reports: dict[int, Report], arrived: datetime
    ) -> list[int]:
        """Store reports in one database; returns the places of those that it must not hold."""
        marks = self._marks[shard]
        await marks.fresh()
        gone = [index for index, report in reports.items() if report.install in marks]
        day = arrived.date()
        entries = [entry(report, day) for report in reports.values() if report.install not in marks]
        if entries:
            await self._committers[shard].store(entries)
        return gone

    def _writing(self, channel: Channel) -> Callable[[bytes], Awaitable[None]]:
        async def write(update: bytes) -> None:
            again = await channel.patch(update)
            if again:
                self._counts.add("retried", count=again)

        return write
