"""The parts of the function, as one process of it holds them."""

from __future__ import annotations

import asyncio
import sys

from ingest.body import Bodies
from ingest.counts import Counts
from ingest.intake import Intake
from ingest.marks import Marks
from ingest.rates import Limits
from ingest.store import Store
from ingest.wishes import Wishes


class Service:
    """Made in the event loop that serves, after the server's fork."""

    def __init__(self, store: Store, limits: Limits | None) -> None:
        """Nothing is sent to the databases yet."""
        marks = [Marks(store, shard) for shard in range(len(store.shards))]
        self.counts = Counts(sys.stdout)
        self.counts.write_before_the_end()
        self.bodies = Bodies()
        self.limits = limits
        self.intake = Intake(store, marks, limits, self.counts)
        self.wishes = Wishes(store, marks, limits, self.counts)
        self._store = store
        self._ping: asyncio.Task[None] | None = None

    async def ping(self) -> None:
        """Ask every database for an answer, once for all who ask meanwhile.

        Raises:
            DatabaseUnavailable: one gave none.
        """
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(asyncio.to_thread(self._store.ping))
        await asyncio.shield(self._ping)
