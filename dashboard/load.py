"""Taking reports into the warehouse, and noting how far the database was read.

What is read stands in memory until it is taken in, see `dashboard.part`: what it changes is worked
out beside those who read, then changed in one transaction, under a lock that waits for them to end.
So a process that is killed leaves the warehouse as it last was, and only what it had not taken in
is read again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock

import duckdb
from msgspec import Raw

from dashboard.part import Cursor, Part, attached
from dashboard.schema import SCHEMA
from dashboard.warehouse import DAMAGE, SCHEMA_VERSION, Warehouse, first_line, unusable
from ingest.store import Forgotten

SETTINGS = {
    "memory_limit": "384MB",
    "preserve_insertion_order": "false",
    "checkpoint_threshold": "0KB",
    "write_buffer_row_group_count": "1",
    "threads": "1",
    "max_vacuum_tasks": "0",
}
"""Of DuckDB; what does not fit in memory goes to a folder beside the warehouse. What a
row group holds is written as soon as it is full, and a commit writes to the file itself: a log
would be written first, and then all of it once more. While one thread takes a part in, another
reads the next: a second thread of either would be in the others' way."""

SHORT = 0.2
"""Seconds for which no thread is begun: that would take longer than it spares."""


@contextmanager
def loading(warehouse: Warehouse, source: str, *, wait: bool) -> Iterator[Load]:
    """Be the one who takes reports into the warehouse; makes it where there is none.

    A warehouse that is damaged, of another schema version or of another database starts empty.

    Args:
        source: names the database; reports of two never mix.
        wait: wait for another who is at it, instead of raising.

    Raises:
        BlockingIOError: another is at it, and `wait` is false.
        SettingError: the folder can't be written to.
    """
    with ExitStack() as held:
        try:
            warehouse.path.parent.mkdir(parents=True, exist_ok=True)
            if warehouse.path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            held.enter_context(warehouse.locks.syncing(wait=wait))
            rebuilt = _make_usable(warehouse, source)
        except BlockingIOError:
            raise
        except OSError as error:
            raise unusable(warehouse.path, error) from error
        yield held.enter_context(contextlib.closing(Load(warehouse, rebuilt)))


class Load:
    """Reports on their way into the warehouse: one part is taken in while the next is filled."""

    def __init__(self, warehouse: Warehouse, rebuilt: str | None) -> None:
        """Nothing is on its way yet."""
        self.rebuilt = rebuilt
        """Why the warehouse was made anew, in a sentence; None where it was not."""
        self._warehouse = warehouse
        spill = warehouse.beside("spill")
        shutil.rmtree(spill, ignore_errors=True)
        self._connection = duckdb.connect(config={**SETTINGS, "temp_directory": str(spill)})
        self._filling, self._next = (Part(self._connection.cursor()) for _ in range(2))
        self._publisher = ThreadPoolExecutor(1)
        self._published: Future[int] | None = None
        self._new = 0
        self._telling = Lock()
        with warehouse.locks.reading(), attached(self._connection, warehouse, writable=False):
            rows = self._connection.execute("SELECT shard, day, since, closed FROM cursors")
            cursors = [Cursor(*row) for row in rows.fetchall()]
            rows = self._connection.execute("SELECT install, shard, received FROM forgotten")
            self._forgotten = {install: (shard, ms) for install, shard, ms in rows.fetchall()}
        self._is_first, self._closes = not cursors, False
        self.cursors = {(cursor.shard, cursor.day): cursor for cursor in cursors}
        """How far each day was read, as the warehouse knows it."""

    def close(self) -> None:
        """Drop what was not published."""
        self._publisher.shutdown()
        self._connection.close()

    def add(self, reports: Iterable[Raw | bytes]) -> None:
        """Put reports on their way, each as JSON; what is no report is left out."""
        self._filling.add(reports)

    def note(self, cursor: Cursor) -> None:
        """Note how far a day was read, to be kept with the reports added before."""
        if self.cursors.get((cursor.shard, cursor.day)) != cursor:
            self.cursors[cursor.shard, cursor.day] = cursor
            self._filling.cursors[cursor.shard, cursor.day] = cursor
            self._closes |= cursor.closed

    def marks_until(self, shard: int) -> int:
        """When the last install was forgotten that is known of one database, ms UTC, or 0."""
        return max((ms for place, ms in self._forgotten.values() if place == shard), default=0)

    def forget(self, shard: int, marks: Sequence[Forgotten]) -> None:
        """Note which installs one database says were forgotten: none of theirs stays."""
        for mark in marks:
            if mark.install not in self._forgotten and _INSTALL.fullmatch(mark.install):
                self._forgotten[mark.install] = shard, mark.received
                self._filling.forgotten[mark.install] = shard, mark.received

    def publish(self) -> None:
        """Begin to take in what is on its way, all or nothing, once what was before is taken in."""
        self._filling.make_columns()
        self._wait()
        self._published = self._publisher.submit(
            self._filling.take_in, self._warehouse, self._tell_of_change
        )
        self._filling, self._next = self._next, self._filling

    def finish(self) -> int:
        """Take in all that is on its way; returns how many reports were new since the beginning.

        Row groups that are not full, or not any more, are joined once a day, by the sync that
        closes the one before: of ten million reports it takes seconds. A first load has better
        things to do.
        """
        self._filling.make_columns()
        self._wait()
        if self._closes and not self._is_first:
            self._connection.execute("RESET max_vacuum_tasks")
        self.publish()
        self._wait()
        return self._new

    def tell(self, **changes: int) -> None:
        """Change what is told of the warehouse, see `Warehouse.tell`."""
        with self._telling:
            self._warehouse.tell(**changes)

    def _tell_of_change(self) -> None:
        # Before the tables change: whoever reads after that knows them for new.
        self.tell(version=time.time_ns())

    def _wait(self) -> None:
        """Until what was published is taken in: by all cores, as nothing is read meanwhile."""
        if self._published is not None:
            if not wait([self._published], SHORT).done:
                self._connection.execute("RESET threads")
                wait([self._published])
                self._connection.execute("SET threads = 1")
            self._new += self._published.result()
            self._published = None


_INSTALL = re.compile("[0-9a-f]{32}")


def recover(warehouse: Warehouse) -> None:
    """Set the file aside if it is damaged. Everything in it is in the database too."""
    with warehouse.locks.syncing(wait=True):
        _set_aside_if_damaged(warehouse)


def _make_usable(warehouse: Warehouse, source: str) -> str | None:
    """Make the file anew if it can't be used; returns why, in a sentence, or None."""
    reason = None
    if warehouse.beside("suspect").exists() and _set_aside_if_damaged(warehouse):
        reason = "it was damaged"
    elif warehouse.path.exists():
        reason = _reason_to_rebuild(warehouse, source)
    if reason or not warehouse.path.exists():
        _start_empty(warehouse, source)
    return reason


def _start_empty(warehouse: Warehouse, source: str) -> None:
    draft = warehouse.beside("new")
    _remove(draft)
    with duckdb.connect(draft) as connection:
        connection.execute(SCHEMA)
        connection.execute("INSERT INTO about VALUES (?, ?)", [SCHEMA_VERSION, source])
    with warehouse.locks.writing():
        warehouse.beside("state").unlink(missing_ok=True)
        _remove(warehouse.path)
        os.replace(draft, warehouse.path)


def _reason_to_rebuild(warehouse: Warehouse, source: str) -> str | None:
    try:
        with (
            warehouse.locks.reading(),
            duckdb.connect(warehouse.path, read_only=True) as connection,
        ):
            rows = connection.execute("SELECT schema_version, source FROM about").fetchall()
    except duckdb.Error as error:
        return f"it was damaged ({first_line(error)})"
    if [row[0] for row in rows] != [SCHEMA_VERSION]:
        return "it was made by another version of Wald"
    if rows[0][1] != source:
        named = re.sub(r"\?\{[^}]*\}", "", rows[0][1])  # without what its requests carry
        return f"it held the reports of another database, {named}"
    return None


def _set_aside_if_damaged(warehouse: Warehouse) -> bool:
    """Read all of the file to see."""
    with warehouse.locks.writing():
        damaged = warehouse.path.exists() and not _is_whole(warehouse.path)
        if damaged:
            _remove_log(warehouse.path)
            os.replace(warehouse.path, warehouse.beside("damaged"))
        warehouse.beside("suspect").unlink(missing_ok=True)
    return damaged


def _is_whole(path: Path) -> bool:
    try:
        with duckdb.connect(path, read_only=True) as connection:
            for (name,) in connection.execute("SHOW TABLES").fetchall():
                connection.execute(f"SELECT max(hash(whole)) FROM {name} AS whole").fetchall()
    except DAMAGE:
        return False
    return True


def _remove(path: Path) -> None:
    # The log first: left behind alone, it would be played onto the next file.
    _remove_log(path)
    path.unlink(missing_ok=True)


def _remove_log(path: Path) -> None:
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
