"""What happens to a request's reports: judged, stored, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime

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


class _Share(msgspec.Struct):
    """What one database is to hold of a request's reports."""

    shard: int
    entries: list[tuple[int, str, bytes]] = []
    """Of each report its place in the request, its install, and itself, encoded."""
    size: int = 0
    """Bytes of these."""


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
        shares = self._shares(valid, arrived.date())
        accepted = len(valid)
        del valid  # what waits from here on is bounded by its size
        if any(self._committers[share.shard].full for share in shares):
            raise Full
        for share in shares:
            self._committers[share.shard].enter(share.size)
        try:
            gone = await (self._keep(shares[0]) if len(shares) == 1 else self._keep_all(shares))
        finally:
            for share in shares:
                self._committers[share.shard].leave(share.size)
        refused.update(dict.fromkeys(gone, FORGOTTEN))
        accepted -= len(gone)
        self._counts.add("accepted", count=accepted)
        for reason in refused.values():
            self._counts.add("refused", reason)
        return Receipt(accepted, [Rejection(*one) for one in sorted(refused.items())])

    def _shares(self, reports: Mapping[int, Report], day: date) -> list[_Share]:
        """What each database is to hold of a request's reports, named by their places in it."""
        several = len(self._committers) > 1
        shares: dict[int, _Share] = {}
        for index, report in reports.items():
            shard = self._store.shard_of(report.install) if several else 0
            share = shares.get(shard)
            if share is None:
                share = shares[shard] = _Share(shard)
            text = entry(report, day)
            share.entries.append((index, report.install, text))
            share.size += len(text)
        return list(shares.values())

    async def _keep_all(self, shares: Sequence[_Share]) -> list[int]:
        """Store shares; returns the places of reports that no database must hold."""
        # All of them are waited for: what is answered must not change afterwards.
        outcomes = await asyncio.gather(*map(self._keep, shares), return_exceptions=True)
        gone = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            gone += outcome
        return gone

    async def _keep(self, share: _Share) -> list[int]:
        marks = self._marks[share.shard]
        await marks.fresh()
        gone = [index for index, install, _ in share.entries if install in marks]
        wanted = [text for _, install, text in share.entries if install not in marks]
        if wanted:
            await self._committers[share.shard].store(wanted)
        return gone

    def _writing(self, channel: Channel) -> Callable[[bytes], Awaitable[None]]:
        async def write(update: bytes) -> None:
            again = await channel.patch(update)
            if again:
                self._counts.add("retried", count=again)

        return write
