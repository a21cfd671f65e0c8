"""Taking reports into the warehouse, and noting how far the database was read.

What is read stands in memory until it is taken in: in one transaction, under a lock that waits
for those who read to end. So a process that is killed leaves the warehouse as it last was, and
only what it had not taken in is read again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from msgspec import Raw

from dashboard.columns import ARRIVED, add_columns, drop_what_is_no_report
from dashboard.merge import forget, merge
from dashboard.schema import SCHEMA
from dashboard.warehouse import (
    DAMAGE,
    SCHEMA_VERSION,
    Warehouse,
    first_line,
    quoted,
    unusable,
)
from ingest.store import Forgotten

SETTINGS = {"memory_limit": "384MB", "preserve_insertion_order": "false"}
"""Of DuckDB; what does not fit in memory goes to a folder beside the warehouse."""

TOGETHER = 32_000
"""Reports made into columns at once: each time costs some milliseconds."""


@dataclass(frozen=True)
class Cursor:
    """How far an arrival day of one database was read."""

    shard: int
    day: date
    since: int = 0
    """The ``received`` (ms UTC) from which on it is to be read."""
    closed: bool = False
    """Nothing more can arrive, and all was read."""


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
    """Reports on their way into the warehouse."""

    def __init__(self, warehouse: Warehouse, rebuilt: str | None) -> None:
        """Nothing is on its way yet."""
        self.rebuilt = rebuilt
        """Why the warehouse was made anew, in a sentence; None where it was not."""
        self._warehouse = warehouse
        spill = warehouse.beside("spill")
        shutil.rmtree(spill, ignore_errors=True)
        self._connection = duckdb.connect(config={**SETTINGS, "temp_directory": str(spill)})
        self._connection.execute(ARRIVED)
        self._waiting: list[Raw | bytes] = []
        self._rows = 0
        self._moved: dict[tuple[int, date], Cursor] = {}
        self._asked: dict[str, tuple[int, int]] = {}
        with warehouse.locks.reading(), self._attached(writable=False):
            rows = self._connection.execute("SELECT shard, day, since, closed FROM cursors")
            cursors = [Cursor(*row) for row in rows.fetchall()]
            rows = self._connection.execute("SELECT install, shard, received FROM forgotten")
            self._forgotten = {install: (shard, ms) for install, shard, ms in rows.fetchall()}
        self.cursors = {(cursor.shard, cursor.day): cursor for cursor in cursors}
        """How far each day was read, as the warehouse knows it."""

    def close(self) -> None:
        """Drop what was not taken in."""
        self._connection.close()

    def add(self, reports: Iterable[Raw | bytes]) -> None:
        """Put reports on their way, each as JSON; what is no report is left out."""
        self._waiting += reports
        if len(self._waiting) >= TOGETHER:
            self._make_columns()

    def note(self, cursor: Cursor) -> None:
        """Note how far a day was read, to be kept with the reports added before."""
        if self.cursors.get((cursor.shard, cursor.day)) != cursor:
            self.cursors[cursor.shard, cursor.day] = cursor
            self._moved[cursor.shard, cursor.day] = cursor

    def marks_until(self, shard: int) -> int:
        """When the last install was forgotten that is known of one database, ms UTC, or 0."""
        return max((ms for place, ms in self._forgotten.values() if place == shard), default=0)

    def forget(self, shard: int, marks: Sequence[Forgotten]) -> None:
        """Note which installs one database says were forgotten: none of theirs stays."""
        for mark in marks:
            if mark.install not in self._forgotten and _INSTALL.fullmatch(mark.install):
                self._asked[mark.install] = shard, mark.received

    def publish(self) -> int:
        """Take in what is on its way, all or nothing; returns how many reports were new."""
        self._make_columns()
        if not (self._rows or self._moved or self._asked):
            return 0
        drop_what_is_no_report(self._connection)
        with self._warehouse.locks.writing(), self._attached(writable=True):
            self._connection.begin()
            try:
                self._forget()
                new = merge(self._connection)
                self._keep_cursors()
                if new or self._asked:
                    # Before the tables change: whoever reads after that knows them for new.
                    self._warehouse.tell(version=time.time_ns())
                self._connection.commit()
            except duckdb.Error:
                with contextlib.suppress(duckdb.Error):
                    self._connection.rollback()
                raise
        self._connection.execute("TRUNCATE arrived")
        self._rows = 0
        self._moved.clear()
        self._forgotten |= self._asked
        self._asked = {}
        return new

    @contextmanager
    def _attached(self, *, writable: bool) -> Iterator[None]:
        mode = "READ_WRITE" if writable else "READ_ONLY"
        path = quoted(self._warehouse.path)
        self._connection.execute(f"ATTACH '{path}' AS warehouse ({mode})")
        try:
            self._connection.execute("USE warehouse")
            yield
        finally:
            with contextlib.suppress(duckdb.FatalException):
                self._connection.execute("USE memory")
                self._connection.execute("DETACH warehouse")

    def _make_columns(self) -> None:
        if self._waiting:
            add_columns(self._connection, self._waiting)
            self._rows += len(self._waiting)
            self._waiting = []

    def _forget(self) -> None:
        """Delete what there is of installs that were forgotten, and what comes of them later."""
        if self._asked:
            columns: dict[str, list[Any]] = {
                "install": list(self._asked),
                "shard": [shard for shard, _ in self._asked.values()],
                "received": [received for _, received in self._asked.values()],
            }
            self._insert("INSERT INTO forgotten BY NAME FROM rows", columns)
            forget(self._connection, columns["install"])
        self._connection.execute(
            "DELETE FROM arrived WHERE install IN (SELECT install::UUID FROM forgotten)"
        )

    def _keep_cursors(self) -> None:
        moved = self._moved.values()
        columns: dict[str, list[Any]] = {
            "shard": [cursor.shard for cursor in moved],
            "day": [cursor.day for cursor in moved],
            "since": [cursor.since for cursor in moved],
            "closed": [cursor.closed for cursor in moved],
        }
        if moved:
            self._insert("INSERT OR REPLACE INTO cursors BY NAME FROM rows", columns)

    def _insert(self, sql: str, columns: dict[str, list[Any]]) -> None:
        self._connection.register("rows", pa.table(columns))
        self._connection.execute(sql)
        self._connection.unregister("rows")


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
