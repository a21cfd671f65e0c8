"""A part of what a sync reads: reports in columns, and what is noted in the warehouse with them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
from msgspec import Raw

from dashboard.columns import ARRIVED, add_columns, drop_what_is_no_report
from dashboard.merge import forget, take_in, worked_out
from dashboard.warehouse import Warehouse, quoted

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


class Part:
    """Is filled, taken in as a whole, and filled again."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Empty; the connection is its own, as the columns stand in a temporary table."""
        self._connection = connection
        self._connection.execute(ARRIVED)
        self._waiting: list[Raw | bytes] = []
        self._rows = 0
        self.cursors: dict[tuple[int, date], Cursor] = {}
        """How far days were read with it."""
        self.forgotten: dict[str, tuple[int, int]] = {}
        """Installs that asked to be forgotten: in which database, and when (ms UTC)."""

    def add(self, reports: Iterable[Raw | bytes]) -> None:
        """Put reports in, each as JSON; what is no report is left out."""
        self._waiting += reports
        if len(self._waiting) >= TOGETHER:
            self.make_columns()

    def make_columns(self) -> None:
        """Make columns of all that was put in."""
        if self._waiting:
            add_columns(self._connection, self._waiting)
            self._rows += len(self._waiting)
            self._waiting = []

    def take_in(self, warehouse: Warehouse, changing: Callable[[], None]) -> int:
        """Move it into the warehouse; returns how many reports were new.

        Who was forgotten is deleted in one transaction, all else is added in a second one.

        Args:
            changing: called just before the tables change.
        """
        if not (self._rows or self.cursors or self.forgotten):
            return 0
        drop_what_is_no_report(self._connection)
        if self.forgotten:
            with self._changing(warehouse, changing):
                self._forget()
        with ExitStack() as held:
            with warehouse.locks.reading(), attached(self._connection, warehouse, writable=False):
                self._leave_out_who_was_forgotten()
                new = held.enter_context(worked_out(self._connection))
            if new or self.cursors:
                with self._changing(warehouse, changing if new else lambda: None):
                    if new:
                        take_in(self._connection)
                    self._keep_cursors()
        self._rows = 0
        self.cursors, self.forgotten = {}, {}
        return new

    @contextmanager
    def _changing(self, warehouse: Warehouse, changing: Callable[[], None]) -> Iterator[None]:
        """A transaction on the warehouse's tables, for the length of a block."""
        with warehouse.locks.writing(), attached(self._connection, warehouse, writable=True):
            self._connection.begin()
            try:
                yield
                changing()
                self._connection.commit()
            except duckdb.Error:
                with contextlib.suppress(duckdb.Error):
                    self._connection.rollback()
                raise

    def _forget(self) -> None:
        """Delete what there is of installs that were forgotten."""
        columns: dict[str, list[Any]] = {
            "install": list(self.forgotten),
            "shard": [shard for shard, _ in self.forgotten.values()],
            "received": [received for _, received in self.forgotten.values()],
        }
        self._insert("INSERT INTO forgotten", columns)
        forget(self._connection, columns["install"])

    def _leave_out_who_was_forgotten(self) -> None:
        self._connection.execute(
            "DELETE FROM arrived WHERE pseudonym IN (SELECT install::UUID FROM forgotten)"
        )

    def _keep_cursors(self) -> None:
        moved = self.cursors.values()
        columns: dict[str, list[Any]] = {
            "shard": [cursor.shard for cursor in moved],
            "day": [cursor.day for cursor in moved],
            "since": [cursor.since for cursor in moved],
            "closed": [cursor.closed for cursor in moved],
        }
        if moved:
            self._insert("INSERT OR REPLACE INTO cursors", columns)

    def _insert(self, into: str, columns: dict[str, list[Any]]) -> None:
        rows = ", ".join(f"unnest(${name}) AS {name}" for name in columns)
        self._connection.execute(f"{into} BY NAME SELECT {rows}", columns)


@contextmanager
def attached(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, *, writable: bool
) -> Iterator[None]:
    """Let the tables of a connection be those of the warehouse, for the length of a block."""
    mode = "READ_WRITE" if writable else "READ_ONLY"
    connection.execute(f"ATTACH '{quoted(warehouse.path)}' AS warehouse ({mode})")
    try:
        connection.execute("USE warehouse")
        yield
    finally:
        with contextlib.suppress(duckdb.FatalException):
            connection.execute("USE memory")
            connection.execute("DETACH warehouse")
