"""Who was forgotten, as one instance of the function knows it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ingest.connection import DatabaseUnavailable
from ingest.forget import finish
from ingest.store import Forgotten, Store

FRESH = 5.0
"""Seconds for which what was read is believed; then it is read again beside the requests."""

STALE = 30.0
"""Seconds after which a request waits for it to be read again."""

OVERLAP_MS = 60_000
"""What is read again, for marks that were being written while the last ones were read."""

log = logging.getLogger("wald.ingest")


class Marks:
    """The forgotten installs of one database. Belongs to the event loop it is used in."""

    def __init__(
        self, store: Store, shard: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is read yet."""
        self._store = store
        self._shard = shard
        self._clock = clock
        self._read_at = -STALE
        self._since = 0
        self._installs: set[str] = set()
        self._pending: dict[str, Forgotten] = {}
        # One to read and one to finish, whatever hangs elsewhere.
        self._threads = ThreadPoolExecutor(2, "marks")
        self._reading: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[None] | None = None

    def __contains__(self, install: str) -> bool:
        return install in self._installs

    def add(self, install: str) -> None:
        """Take note of one that this instance was just asked to forget."""
        self._installs.add(install)

    async def fresh(self) -> None:
        """Return once what is known is fresh enough to judge reports by.

        Raises:
            DatabaseUnavailable: it is not, and the database does not answer.
        """
        age = self._clock() - self._read_at
        if age < FRESH:
            return
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._end)
        if age >= STALE:
            await asyncio.shield(self._reading)

    def _end(self, reading: asyncio.Task[None]) -> None:
        self._reading = None
        if not reading.cancelled() and reading.exception():
            log.warning("can't read who was forgotten: %s", reading.exception())

    async def _read(self) -> None:
        began = self._clock()
        read = partial(self._store.forgotten, self._shard, since=self._since)
        marks = await asyncio.get_running_loop().run_in_executor(self._threads, read)
        self._read_at = began
        for mark in marks:
            self._installs.add(mark.install)
            self._since = max(self._since, mark.received - OVERLAP_MS)
            if mark.pending:
                self._pending[mark.install] = mark
        if self._pending and self._finishing is None:
            self._finishing = asyncio.create_task(self._finish())

    async def _finish(self) -> None:
        """Delete what may be left of installs that were forgotten a while ago."""
        loop = asyncio.get_running_loop()
        try:
            for mark in list(self._pending.values()):
                if await loop.run_in_executor(self._threads, finish, self._store, [mark]):
                    del self._pending[mark.install]
        except DatabaseUnavailable as error:
            log.warning("forgetting goes on later: %s", error)
        finally:
            self._finishing = None
