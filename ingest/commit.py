"""Group commit: requests that arrive while a call to the database is under way share the next.

Each of them goes on only when its reports are durable. A call that takes long is not waited for:
`LINGER` after its start the next one starts beside it, so that a slow one stops nobody else. What
waits is bounded; beyond that, new reports are turned away at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from ingest.connection import DatabaseRefused, DatabaseUnavailable

GATHER = 0.002
"""Seconds that the first of a group waits for others; a call costs as much as many reports."""

LINGER = 0.02
"""Seconds in which a call under way is waited for, rather than another started beside it."""

MAX_CALLS = 4
"""Calls under way at once: enough to pass a slow one by, too few to drown a busy database."""

MAX_GROUP = 1000
"""Reports in one call, but for a single request that holds more."""

MAX_GROUP_BYTES = 4 * 1024**2
"""Bytes in one call; a hosted database takes 16 MB."""

MAX_WAITING = 1000
"""Requests that wait for their reports to be stored."""

MAX_WAITING_BYTES = 8 * 1024**2
"""Bytes of reports that may wait before the last one is taken.

Some 20,000 reports: what takes longer than the seconds a client waits is better sent again.
"""


class Job(Struct, frozen=True, eq=False):
    """A request's reports, encoded, and what tells it that they are stored."""

    entries: Sequence[bytes]
    size: int
    done: asyncio.Future[None]


class Committer:
    """The way into one database. Belongs to the event loop it is used in."""

    def __init__(self, write: Callable[[bytes], Awaitable[object]]) -> None:
        """Nobody waits yet.

        Args:
            write: takes a multi-path update and returns when it is durable; raises
                `DatabaseUnavailable` where it may not be, `DatabaseRefused` where it is not.
        """
        self._write = write
        self._queue: deque[Job] = deque()
        self._waiting = 0  # requests, from before it is known who was forgotten until the answer
        self._waiting_bytes = 0
        self._calls = 0
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop itself holds them weakly
        self._patience: asyncio.TimerHandle | None = None  # while it runs, the last call is young

    @property
    def full(self) -> bool:
        """Whether so much waits that nobody else may."""
        return self._waiting >= MAX_WAITING or self._waiting_bytes >= MAX_WAITING_BYTES

    def enter(self, size: int) -> None:
        """Let a request with so many bytes of reports wait, until it leaves."""
        self._waiting += 1
        self._waiting_bytes += size

    def leave(self, size: int) -> None:
        """It does not wait any more."""
        self._waiting -= 1
        self._waiting_bytes -= size

    def store(self, entries: Sequence[bytes]) -> asyncio.Future[None]:
        """Begin to store these, for a request that was let in; done once they are durable.

        Ends with `DatabaseUnavailable` where they may not be stored.
        """
        loop = asyncio.get_running_loop()
        job = Job(entries, sum(map(len, entries)), loop.create_future())
        self._queue.append(job)
        if len(self._queue) == 1:
            loop.call_later(GATHER, self._start)
        return job.done

    def _start(self) -> None:
        """Start a call, unless the one under way is so young that it is better waited for."""
        while self._queue and self._calls < MAX_CALLS and not self._patience:
            self._calls += 1
            loop = asyncio.get_running_loop()
            patience = self._patience = loop.call_later(LINGER, self._lose_patience)
            call = loop.create_task(self._call(self._next_group(), patience))
            self._tasks.add(call)
            call.add_done_callback(self._tasks.discard)

    def _lose_patience(self) -> None:
        self._patience = None
        self._start()

    def _next_group(self) -> list[Job]:
        jobs: list[Job] = []
        count = size = 0
        while self._queue:
            job = self._queue[0]
            count += len(job.entries)
            size += job.size
            if jobs and (count > MAX_GROUP or size > MAX_GROUP_BYTES):
                break
            jobs.append(self._queue.popleft())
        return jobs

    async def _call(self, jobs: Sequence[Job], patience: asyncio.TimerHandle) -> None:
        """Write a group, let the next one go, and tell those who wait."""
        outcomes: Sequence[Exception | None]
        try:
            outcomes = await self._write_all(jobs)
        except Exception as bug:
            outcomes = [bug] * len(jobs)
        self._calls -= 1
        if self._patience is patience:
            patience.cancel()
            self._patience = None
        self._start()
        for job, error in zip(jobs, outcomes, strict=True):
            if job.done.done():  # cancelled: nobody waits for it any more
                continue
            if error is None:
                job.done.set_result(None)
            else:
                job.done.set_exception(error)

    async def _write_all(self, jobs: Sequence[Job]) -> list[DatabaseUnavailable | None]:
        """Write in one call; returns for each job why it may not be stored, or None."""
        try:
            await self._write(b"{%b}" % b",".join(entry for job in jobs for entry in job.entries))
        except DatabaseRefused as error:
            if len(jobs) == 1:
                return [error]
            # What the database refuses of one must not cost the others.
            return [outcome for job in jobs for outcome in await self._write_all([job])]
        except DatabaseUnavailable as error:
            return [error] * len(jobs)
        return [None] * len(jobs)
