"""``POST /v1/forget``: taking an install's wish to be forgotten, and fulfilling it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ingest.body import Full, Refused
from ingest.connection import DatabaseUnavailable
from ingest.counts import Counts
from ingest.forget import sweep
from ingest.marks import Marks
from ingest.rates import Limits
from ingest.schema import InvalidReport, decode_wish
from ingest.store import Store
from wald.report import pseudonym

PATIENCE = 3.0
"""Seconds that the answer waits for the reports to be deleted; the collector waits for 5."""

MAX_WISHES = 4
"""Wishes that are being noted or fulfilled at once."""

log = logging.getLogger("wald.ingest")


class Wishes:
    """Takes wishes to be forgotten. Belongs to the event loop it is used in."""

    def __init__(
        self, store: Store, marks: Sequence[Marks], limits: Limits | None, counts: Counts
    ) -> None:
        """See `Intake`."""
        self._store = store
        self._marks = marks
        self._limits = limits
        self._counts = counts
        # Threads of its own: where a database hangs, wishes must not take those of the others.
        self._threads = ThreadPoolExecutor(MAX_WISHES, "wishes")
        self._under_way = 0
        self._sweeps: set[asyncio.Task[None]] = set()

    async def take(self, body: bytes, address: str) -> None:
        """Forget the install whose secret this is; return once the wish can't be lost any more.

        Its reports are deleted by then or soon after, also if this process is ended meanwhile.

        Raises:
            Refused: 400, the body holds no secret.
            TooMany: the address asks too often.
            Full: too many wishes are being fulfilled; this one was not taken.
            DatabaseUnavailable: the wish may be lost.
        """
        try:
            secret = decode_wish(body).secret
        except InvalidReport as error:
            raise Refused(400, str(error)) from error
        if self._limits:
            self._limits.admit_forget(address)
        if self._under_way >= MAX_WISHES:
            raise Full
        install = pseudonym(bytes.fromhex(secret))
        self._under_way += 1
        try:
            await self._in_thread(self._store.mark_forgotten, install)
        except BaseException:
            self._under_way -= 1
            raise
        self._marks[self._store.shard_of(install)].add(install)
        self._counts.add("forgotten")
        sweeping = asyncio.create_task(self._sweep(install))
        self._sweeps.add(sweeping)
        sweeping.add_done_callback(self._end)
        await asyncio.wait({sweeping}, timeout=PATIENCE)

    async def _sweep(self, install: str) -> None:
        try:
            await self._in_thread(sweep, self._store, install)
        except DatabaseUnavailable as error:
            log.warning("forgetting goes on later: %s", error)

    def _end(self, sweeping: asyncio.Task[None]) -> None:
        self._sweeps.discard(sweeping)
        self._under_way -= 1

    async def _in_thread(self, call: Callable[..., object], *arguments: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)
