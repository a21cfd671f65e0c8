"""The warehouse: every report once, in the columns of a DuckDB file, ready for analysis.

The file is only ever replaced as a whole. Whoever reads has a snapshot that nothing disturbs;
whoever writes works on a copy beside it, under a lock, and puts it in place at the end. So the
page and the command line can both read while either brings the warehouse up to date.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import duckdb
import ibis
from ibis.backends.duckdb import Backend

from dashboard.columns import as_columns
from dashboard.merge import SCHEMA, merge
from ingest.store import SettingError, StoredReport

SCHEMA_VERSION = 3

_ARRIVE = "INSERT INTO arrived BY NAME SELECT *, epoch_ms(time)::DATE AS day FROM page"


DAMAGE = (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException)
"""What DuckDB raises when a file does not hold what it should."""


class WarehouseError(Exception):
    """The warehouse can't be used; the message says why and what helps."""


@dataclass(frozen=True)
class Warehouse:
    """The file at `path`, and how to read and replace it."""

    path: Path

    def version(self) -> tuple[int, int] | None:
        """Identify the present content, to tell when it was replaced; None where there is none."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.path, error) from error
        return status.st_ino, status.st_mtime_ns

    def read(self) -> Snapshot:
        """Open the present content for reading.

        Raises:
            WarehouseError: nothing was synced yet, or the file is no warehouse of this version.
        """
        if self.version() is None:
            raise WarehouseError(
                f"There is no warehouse at {self.path} yet: run `python -m dashboard sync`"
            )
        connection = ibis.duckdb.connect()
        try:
            connection.raw_sql(f"ATTACH '{_quoted(self.path)}' AS warehouse (READ_ONLY)")
            connection.raw_sql("USE warehouse")
            _check(connection.raw_sql("SELECT schema_version FROM about").fetchall(), self.path)
        except duckdb.Error as error:
            raise WarehouseError(
                f"{self.path} can't be read as a warehouse: run `python -m dashboard sync`, "
                f"which builds it anew from the database ({_first_line(error)})"
            ) from error
        return Snapshot(connection)

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Open the present content for the length of a block; see `read`.

        Raises:
            WarehouseError: also where damage shows later; the file is then set aside.
        """
        opened, snapshot = self.version(), self.read()
        try:
            yield snapshot
        except DAMAGE as error:
            with contextlib.suppress(BlockingIOError), self._locked(wait=False):
                if self.version() == opened:
                    self._set_aside_if_damaged()
            raise WarehouseError(
                f"{self.path} can't be read: run `python -m dashboard sync`, which builds it "
                f"anew from the database if it is damaged ({_first_line(error)})"
            ) from error
        finally:
            snapshot.connection.disconnect()

    def recover(self) -> None:
        """Drop an unfinished copy, and set the file aside if it is damaged.

        Everything in it is in the database too.
        """
        with self._locked(wait=True):
            _remove(self._beside("next"))
            self._set_aside_if_damaged()

    def _set_aside_if_damaged(self) -> None:
        if not self.path.exists():
            return
        try:
            with duckdb.connect(self.path, read_only=True) as connection:
                for (name,) in connection.execute("SHOW TABLES").fetchall():
                    connection.execute(f"SELECT max(hash(whole)) FROM {name} AS whole").fetchall()
        except DAMAGE:
            os.replace(self.path, self._beside("damaged"))

    @contextmanager
    def _locked(self, *, wait: bool) -> Iterator[None]:
        """Keep everybody else from replacing the file."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            lock = _open_lock(self._beside("lock"))
        except OSError as error:
            raise _unusable(self.path, error) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield

    @contextmanager
    def replacing(self, source: str, *, wait: bool) -> Iterator[Replacement]:
        """Work on a copy that takes the warehouse's place when `Replacement.publish` is called.

        An unfinished copy of a process that was killed is taken up again. A warehouse of another
        schema version or another database is not: the copy then starts empty.

        Args:
            source: names the database; reports of two never mix.
            wait: wait for another process that is replacing it, instead of raising.

        Raises:
            BlockingIOError: another process is replacing it, and `wait` is false.
            SettingError: the folder can't be written to.
        """
        with self._locked(wait=wait):
            try:
                replacement = _begin(self.path, self._beside("next"), source)
            except OSError as error:
                raise _unusable(self.path, error) from error
            try:
                yield replacement
            finally:
                replacement.connection.close()

    def synced(self) -> datetime | None:
        """When it last held everything that the database held; None where it never did."""
        try:
            modified = self._beside("lock").stat().st_mtime
        except OSError:
            return None
        return datetime.fromtimestamp(modified, UTC) if modified else None

    def settled_ms(self) -> int:
        """Up to when, by the database's clock, nothing can surface that was not read; ms UTC."""
        try:
            return int(self._beside("lock").read_text() or 0)
        except (OSError, ValueError):
            return 0

    def mark_synced(self, when: datetime, settled_ms: int) -> None:
        """Say that the warehouse holds all that the database held then; see `settled_ms`."""
        self._beside("lock").write_text(str(settled_ms))
        os.utime(self._beside("lock"), (when.timestamp(), when.timestamp()))

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{suffix}")


@dataclass(frozen=True)
class Snapshot:
    """What the warehouse held at one moment."""

    connection: Backend

    def table(self, name: str) -> ibis.Table:
        """`reports`, `visits` or `visits_ci`, whole; see `dashboard.merge`."""
        return self.connection.table(name, database=("warehouse", "main"))


@dataclass
class Replacement:
    """The copy being written."""

    path: Path
    copy: Path
    connection: duckdb.DuckDBPyConnection
    unpublished: bool
    """It differs from the present content already: it is new, or taken up from a killed process."""
    rebuilt: str | None
    """Why the present content could not be kept, in a sentence; None where it was."""

    def add(self, reports: Sequence[StoredReport]) -> None:
        """Note reports; those that are there already count for nothing."""
        self.connection.register("page", as_columns(reports))
        self.connection.execute(_ARRIVE)
        self.connection.unregister("page")

    def publish(self) -> int:
        """Put the copy in the warehouse's place if it holds anything new; returns how much."""
        new = merge(self.connection)
        if new or self.unpublished:
            self.connection.execute("CHECKPOINT")
            self.connection.close()
            os.replace(self.copy, self.path)
        else:
            self.connection.close()
            _remove(self.copy)
        return new


def _begin(path: Path, copy: Path, source: str) -> Replacement:
    """Open the copy: the one left by a killed process, else the present content, else empty."""
    rebuilt = None
    for candidate in (copy, path):
        if not candidate.exists():
            continue
        if candidate is path:
            half = copy.with_name(f"{copy.name}.half")
            shutil.copyfile(path, half)
            os.replace(half, copy)
        reason = _reason_to_rebuild(copy, source)
        if reason is None:
            return Replacement(path, copy, duckdb.connect(copy), candidate is copy, None)
        rebuilt = reason if candidate is path else None
        _remove(copy)
    connection = duckdb.connect(copy)
    connection.execute(SCHEMA)
    connection.execute("INSERT INTO about VALUES (?, ?)", [SCHEMA_VERSION, source])
    return Replacement(path, copy, connection, True, rebuilt)


def _open_lock(path: Path) -> BinaryIO:
    """Open the lock's file; its time says when the last sync began, 0 where there was none."""
    try:
        lock = path.open("xb")
        os.utime(path, (0, 0))
    except FileExistsError:
        lock = path.open("ab")
    return lock


def _remove(copy: Path) -> None:
    # The log first: left behind alone, it would be played onto the next copy.
    copy.with_name(f"{copy.name}.wal").unlink(missing_ok=True)
    copy.unlink(missing_ok=True)


def _reason_to_rebuild(path: Path, source: str) -> str | None:
    try:
        with duckdb.connect(path) as connection:
            rows = connection.execute("SELECT schema_version, source FROM about").fetchall()
    except duckdb.Error as error:
        return f"it was damaged ({_first_line(error)})"
    if [row[0] for row in rows] != [SCHEMA_VERSION]:
        return "it was made by another version of Wald"
    if rows[0][1] != source:
        return f"it held the reports of another database, {rows[0][1]}"
    return None


def _check(rows: list[tuple[int]], path: Path) -> None:
    if rows != [(SCHEMA_VERSION,)]:
        raise WarehouseError(
            f"{path} was made by another version of Wald: run `python -m dashboard sync`, "
            "which builds it anew from the database"
        )


def _unusable(path: Path, error: OSError) -> SettingError:
    reason = error.strerror
    if isinstance(error, FileExistsError | NotADirectoryError):
        reason = "a file stands where its folder should be"
    return SettingError(
        f"The warehouse {path} can't be written: {reason}. "
        "Set WALD_WAREHOUSE to a file in a folder that can be"
    )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
