"""The SQLite file: one row a record, found by its path.

What is written whole stays whole: a report put at /reports/<day>/<id> is one row holding its
JSON. Only a value larger than `write.RECORD_BYTES` is split among its children. No row lies
below another, so the last row up to the end of a path says all about the path: it is the
path's own, or holds it, or lies below it, or nothing is there.

`record.id` grows with every row written; `entry` holds the index entries of all rows up to
the id in `state.indexed`; younger rows wait for theirs (see `index`).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as Folder

from rtdb.rules import Rules, parse_rules

FORMAT = 1
APPLICATION_ID = 0x57414C44
CACHE_KIB = 64_000
MAX_WAL_PAGES = 50_000  # when a commit copies the log into the file, if no idle moment came before

SCHEMA = """
CREATE TABLE record (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL);
CREATE TABLE entry (place BLOB, value BLOB, child BLOB, PRIMARY KEY (place, value, child))
    WITHOUT ROWID;
CREATE TABLE namespace (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, rules BLOB,
    indexing TEXT NOT NULL);
CREATE TABLE state (indexed INTEGER NOT NULL);
INSERT INTO state VALUES (0);
"""


class StoreError(Exception):
    """Why a data folder can't be used, as a sentence for whoever starts the server."""


class Namespace:
    """A database of its own within the store, as `ns` names it."""

    def __init__(self, number: int, name: str, rules: Rules) -> None:
        self.name = name
        self.root = number.to_bytes(4, "big")
        self.rules = rules


class Store:
    """An open data folder. Close it when done; `writable` keeps every other writer out."""

    def __init__(self, folder: Folder, *, writable: bool = True) -> None:
        self.file = folder / "rtdb.sqlite3"
        self._lock = _lock(folder) if writable else None
        if not writable and not self.file.exists():
            raise StoreError(f"There is no database in {folder}.")
        self.db = self.connect()
        try:
            self._check_format(folder, writable)
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self.file} can't be used: {error}.") from None

    def connect(self) -> sqlite3.Connection:
        """Another connection to the same file; transactions are begun and ended by hand."""
        db = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False, timeout=30)
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {MAX_WAL_PAGES}")
        return db

    def size(self) -> int:
        """How many bytes the file has."""
        return self.file.stat().st_size

    def close(self) -> None:
        """Close the file and let others in."""
        self.db.close()
        if self._lock:
            self._lock.close()

    def _check_format(self, folder: Folder, writable: bool) -> None:
        (tables,) = self.db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables and writable:
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.executescript(
                f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
                f"PRAGMA user_version = {FORMAT}; COMMIT;"
            )
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise StoreError(f"{self.file} is not a database of this server.")
        if version != FORMAT:
            raise StoreError(
                f"The database in {folder} has format {version}; this version reads {FORMAT}."
            )
        self.db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Make the block's changes durable, or none of them."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


class Namespaces:
    """All namespaces of a store; those that set no rules of their own have the `default` ones."""

    def __init__(self, db: sqlite3.Connection, default: Rules, *, reindex: bool = True) -> None:
        self._db = db
        self._default = default
        self.reload()
        if not reindex:
            return
        rows = db.execute("SELECT name, indexing FROM namespace").fetchall()
        for name, indexing in rows:
            if self.find(name).rules.indexing != indexing:
                self._reindex(self.find(name))

    def reload(self) -> None:
        """Read again what stands in the store, after a start or a rollback."""
        rows = self._db.execute("SELECT id, name, rules FROM namespace").fetchall()
        made = [
            Namespace(number, name, parse_rules(text) if text else self._default)
            for number, name, text in rows
        ]
        self._known = {namespace.name: namespace for namespace in made}
        self._by_root = {namespace.root: namespace for namespace in made}

    def of_root(self, root: bytes) -> Namespace:
        """The namespace whose paths begin with `root`."""
        return self._by_root[root]

    def find(self, name: str) -> Namespace:
        """The namespace called `name`; one that was never written to has number 0."""
        return self._known.get(name) or Namespace(0, name, self._default)

    def create(self, name: str) -> Namespace:
        """Make the namespace if there is none; within the caller's transaction."""
        if name not in self._known:
            number = self._db.execute(
                "INSERT INTO namespace (name, indexing) VALUES (?, ?)",
                (name, self._default.indexing),
            ).lastrowid
            assert number is not None
            made = Namespace(number, name, self._default)
            self._known[name] = self._by_root[made.root] = made
        return self._known[name]

    def set_rules(self, name: str, rules: Rules) -> None:
        """Give a namespace rules of its own; within the caller's transaction."""
        namespace = self.create(name)
        changed = namespace.rules.indexing != rules.indexing
        namespace.rules = rules
        self._db.execute("UPDATE namespace SET rules = ? WHERE name = ?", (rules.text, name))
        if changed:
            self._reindex(namespace)

    def _reindex(self, namespace: Namespace) -> None:
        self._db.execute(
            "DELETE FROM entry WHERE place >= ? AND place < ?",
            (namespace.root, namespace.root + b"\xff"),
        )
        self._db.execute("UPDATE state SET indexed = 0")
        self._db.execute(
            "UPDATE namespace SET indexing = ? WHERE name = ?",
            (namespace.rules.indexing, namespace.name),
        )


def _lock(folder: Folder) -> sqlite3.Connection:
    """Hold the folder as long as this process lives, on any operating system."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(
            folder / "lock", isolation_level=None, timeout=0, check_same_thread=False
        )
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise StoreError(f"Another server is using the data folder {folder}.") from None
        raise StoreError(f"The data folder {folder} can't be used: {error}.") from None
    except OSError as error:
        raise StoreError(f"The data folder {folder} can't be used: {error.strerror}.") from None
    return lock
