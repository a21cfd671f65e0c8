"""Group commit: writes that arrive while one commit is under way share the next.

Few rows are written on the event loop, and only the wait for the disk, COMMIT, is another
thread's: handing Python's lock to and fro would cost more than the work. Many rows are written
by that thread in few long statements, while the event loop reads the next requests. An
operation is answered when it is on the disk, never before.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from rtdb.index import CATCH_UP_ROWS
from rtdb.write import Writer

T = TypeVar("T")

ENTRY_ROWS = 500  # rows given their index entries at once: few cost many pages, many a long wait
IDLE_SHARE = 20  # or this part of them, when nobody writes
INLINE_WEIGHT = 100
IDLE_SECONDS = 0.02
TIDY_SECONDS = 1.0
CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"

log = logging.getLogger("rtdb")


@dataclass
class Job:
    """An operation that waits for its commit; `then` runs right after that."""

    apply: Callable[[Writer], Any]
    then: Callable[[Any], Any]
    weight: int
    done: asyncio.Future[Any]
    outcome: Any = None
    error: Exception | None = None


class Committer:
    """The only writer. `run` it as a task, `submit` from the same event loop."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._db = writer.db
        self._queue: list[Job] = []
        self._wake = asyncio.Event()
        self._since_entries = 0  # rows of small writes since some were given their entries
        self._thread = ThreadPoolExecutor(1, "commit")

    @property
    def lag(self) -> int:
        """How many rows, at most, wait for their index entries."""
        return self._writer.lag

    def now(self) -> int:
        """The server's clock, in ms UTC."""
        return self._writer.now()

    async def submit(
        self,
        apply: Callable[[Writer], T],
        then: Callable[[T], Any] = lambda outcome: outcome,
        weight: int = 1,
    ) -> Any:
        """Return `then(apply(writer))` once its changes are durable; all or none of them are.

        `then` sees exactly the committed state; no other commit comes between. `weight` is
        about how many rows are written: many are written off the event loop.
        """
        job = Job(apply, then, weight, asyncio.get_running_loop().create_future())
        self._queue.append(job)
        self._wake.set()
        return await job.done

    async def run(self) -> None:
        """Commit what is submitted, until cancelled."""
        try:
            await self._run()
        finally:
            self._thread.shutdown()

    async def _run(self) -> None:
        while True:
            if not self._queue:
                await self._wait()
            batch, self._queue = self._queue, []
            try:
                await self._commit(batch)
            except Exception as error:
                self._undo(batch, error)
            for job in batch:
                _answer(job)

    async def _wait(self) -> None:
        """Wait for a job, or for the moment to catch up on index entries; tidy up if idle."""
        self._wake.clear()
        if not self._writer.lag:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), TIDY_SECONDS)
                return
            loop = asyncio.get_running_loop()
            try:
                await loop.run_in_executor(self._thread, self._db.execute, CHECKPOINT)
            except sqlite3.Error as error:
                log.error("a checkpoint failed: %s", error)
            await self._wake.wait()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), IDLE_SECONDS)

    async def _commit(self, batch: list[Job]) -> None:
        loop = asyncio.get_running_loop()
        weight = sum(job.weight for job in batch)
        if not batch or weight > INLINE_WEIGHT:
            await loop.run_in_executor(self._thread, self._apply_and_commit, batch)
            return
        self._apply(batch)
        self._since_entries += weight
        if self._writer.lag < CATCH_UP_ROWS or self._since_entries < ENTRY_ROWS:
            await loop.run_in_executor(self._thread, self._db.execute, "COMMIT")
        else:
            self._since_entries = 0
            await loop.run_in_executor(self._thread, self._catch_up_and_commit, ENTRY_ROWS)

    def _apply_and_commit(self, batch: list[Job]) -> None:
        self._apply(batch)
        idle_rows = 0 if batch else max(ENTRY_ROWS, self._writer.lag // IDLE_SHARE)
        self._catch_up_and_commit(idle_rows)

    def _catch_up_and_commit(self, rows: int) -> None:
        if rows:
            self._writer.catch_up(rows)
        self._db.execute("COMMIT")

    def _apply(self, batch: list[Job]) -> None:
        """Apply all jobs that can be; begin again without one that failed half way.

        Savepoints would do the same, but a copy of each changed page is their price.
        """
        self._db.execute("BEGIN IMMEDIATE")
        for job in batch:
            if job.error is not None:
                continue
            start = self._db.total_changes
            try:
                job.outcome = job.apply(self._writer)
            except sqlite3.Error:
                raise
            except Exception as error:
                job.error = error
                if self._db.total_changes != start:
                    break
        else:
            return
        self._db.execute("ROLLBACK")
        self._writer.reload()
        self._apply(batch)

    def _undo(self, batch: list[Job], error: Exception) -> None:
        log.error("a commit failed: %s", error)
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._writer.reload()
        for job in batch:
            job.error = job.error or error


def _answer(job: Job) -> None:
    if job.done.cancelled():
        return
    if job.error is None:
        try:
            job.done.set_result(job.then(job.outcome))
            return
        except Exception as error:
            job.error = error
    job.done.set_exception(job.error)
