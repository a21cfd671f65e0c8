"""The warehouse: every report once, in the columns of a DuckDB file, ready for analysis.

Many may read it at once, of the page and the command line, while one reads new reports from the
database. It is locked against readers only for the moments in which these are taken in, see
`dashboard.load`.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb
import ibis
import msgspec

from dashboard.engine import Engine
from dashboard.locks import Locks
from dashboard.schema import SCHEMA
from ingest.store import SettingError

SCHEMA_VERSION = 11

COUNTED_IN_PLACE = 17
"""Bits that keys of a group may have together to be counted in an array instead of a hash table:
those of a profile. An array of all installs takes longer to fill than some of them to count."""

DAMAGE = (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException)
"""What DuckDB raises when a file does not hold what it should."""


class WarehouseError(Exception):
    """The warehouse can't be used; the message says why and what helps."""


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is told of a warehouse without opening it. It is written by whoever syncs."""

    version: int = 0
    """Another one whenever the tables may have changed; 0 where nothing was ever read."""
    synced_ms: int | None = None
    """When it last began to be made to hold everything that the database held; ms UTC."""
    done: int = 0
    total: int = 0
    """Reports read by the sync that is or was last under way, of about how many."""


@dataclass(frozen=True)
class Warehouse:
    """The file at `path`, and what is told of it."""

    path: Path

    @property
    def locks(self) -> Locks:
        """To be held while the file is open."""
        return Locks(self.path)

    def version(self) -> tuple[int, int] | None:
        """Identify the present content, to tell when it changed; None where there is none yet."""
        try:
            inode = self.path.stat().st_ino
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable(self.path, error) from error
        version = self.state().version
        return (inode, version) if version else None

    def synced(self) -> datetime | None:
        """When it last held everything that the database held; None where it never did."""
        synced_ms = self.state().synced_ms
        return None if synced_ms is None else datetime.fromtimestamp(synced_ms / 1000, UTC)

    def state(self) -> State:
        """What is told of the warehouse."""
        try:
            return msgspec.json.decode(self.beside("state").read_bytes(), type=State)
        except (OSError, msgspec.DecodeError):
            return State()

    def tell(self, **changes: int) -> None:
        """Change what is told of the warehouse; to be called by whoever syncs."""
        draft = self.beside("state.new")
        draft.write_bytes(msgspec.json.encode(msgspec.structs.replace(self.state(), **changes)))
        os.replace(draft, self.beside("state"))

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """Open the present content for the length of a block; not to be nested.

        New reports come in when all blocks that are open have ended.

        Raises:
            WarehouseError: nothing was synced yet, the file is no warehouse of this version, or
                it is damaged, which may show late; the next sync then looks at all of it.
        """
        if not self.path.exists():
            raise WarehouseError(
                f"There is no warehouse at {self.path} yet: run `python -m dashboard sync`"
            )
        with self.locks.reading():
            snapshot = self._open()
            try:
                yield snapshot
            except DAMAGE as error:
                with contextlib.suppress(OSError):
                    self.beside("suspect").touch()
                raise WarehouseError(
                    f"{self.path} can't be read: run `python -m dashboard sync`, which builds it "
                    f"anew from the database if it is damaged ({first_line(error)})"
                ) from error
            finally:
                snapshot.connection.disconnect()

    def _open(self) -> Snapshot:
        connection: Engine = Engine().connect()
        try:
            connection.raw_sql(f"ATTACH '{quoted(self.path)}' AS warehouse (READ_ONLY)")
            connection.raw_sql("USE warehouse")
            connection.raw_sql(f"SET perfect_ht_threshold = {COUNTED_IN_PLACE}")
            found = connection.raw_sql("SELECT schema_version FROM about").fetchall()
        except duckdb.Error as error:
            connection.disconnect()
            raise WarehouseError(
                f"{self.path} can't be read as a warehouse: run `python -m dashboard sync`, "
                f"which builds it anew from the database ({first_line(error)})"
            ) from error
        if found != [(SCHEMA_VERSION,)]:
            connection.disconnect()
            raise WarehouseError(
                f"{self.path} was made by another version of Wald: run `python -m dashboard "
                "sync`, which builds it anew from the database"
            )
        return Snapshot(connection)

    def beside(self, suffix: str) -> Path:
        """A file that belongs to the warehouse."""
        return self.path.with_name(f"{self.path.name}.{suffix}")


@dataclass(frozen=True)
class Snapshot:
    """What the warehouse holds while it is read."""

    connection: Engine

    def table(self, name: str) -> ibis.Table:
        """A table by its name, whole; see `dashboard.schema`."""
        return self.connection.named(name, _schemas()[name], "warehouse")


@cache
def _schemas() -> dict[str, ibis.Schema]:
    """What the tables look like, by name: the same in every warehouse of this version."""
    connection: Engine = Engine().connect()
    connection.raw_sql(SCHEMA)
    names = [name for (name,) in connection.raw_sql("SHOW TABLES").fetchall()]
    schemas = {name: connection.get_schema(name) for name in names}
    connection.disconnect()
    return schemas


def unusable(path: Path, error: OSError) -> SettingError:
    """Say that the warehouse can't be written, and why."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        reason = "a file stands where its folder should be"
    return SettingError(
        f"The warehouse {path} can't be written: {reason}. "
        "Set WALD_WAREHOUSE to a file in a folder that can be"
    )


def quoted(path: Path) -> str:
    """A path, to stand between quotes in SQL."""
    return str(path).replace("'", "''")


def first_line(error: Exception) -> str:
    """What an error of DuckDB's says first."""
    return str(error).partition("\n")[0]
