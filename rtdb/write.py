"""Writing: a tree put at a path, as one row or as many as it needs."""

import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

from rtdb.errors import Refusal
from rtdb.index import Indexer
from rtdb.keys import END, Path, decode, encode, segment
from rtdb.read import Row, View
from rtdb.rules import Rules
from rtdb.store import Namespace, Namespaces
from rtdb.tree import (
    Draft,
    ServerValue,
    Tree,
    children_of,
    draft,
    encode_json,
    incremented,
    replaced,
    stored,
)

T = TypeVar("T")

RECORD_BYTES = 16 * 1024
STATEMENT_ROWS = STATEMENT_PATHS = 1000
RELATED = """
WITH wanted (low, high) AS (VALUES {}),
found AS (SELECT low, (SELECT key FROM record WHERE key < high ORDER BY key DESC LIMIT 1) AS key
    FROM wanted)
SELECT low FROM found
WHERE substr(key, 1, length(low)) = low OR substr(low, 1, length(key)) = key
"""  # the paths at, above or below which there is a row


class Mismatch(Exception):
    """`if-match` named another state; `body` and `etag` are those of the state that is there."""

    def __init__(self, body: bytes, etag: str) -> None:
        super().__init__(etag)
        self.body = body
        self.etag = etag


class Writer(View):
    """Writes within the transaction that its caller begins and ends."""

    def __init__(self, view: View, namespaces: Namespaces) -> None:
        super().__init__(view.db)
        self.namespaces = namespaces
        self.indexer = Indexer(self, namespaces)
        self._now: int = 0
        self.reload()

    def reload(self) -> None:
        """Read again what stands in the store, after a start or a rollback."""
        self.namespaces.reload()
        self.indexer.reload()
        (greatest,) = self.db.execute("SELECT max(id) FROM record").fetchone()
        self.last_id: int = max(greatest or 0, self.indexer.indexed)

    @property
    def lag(self) -> int:
        """How many rows, at most, still wait for their index entries."""
        return self.last_id - self.indexer.indexed

    def catch_up(self, rows: int) -> None:
        """Give their index entries to the `rows` oldest rows that have none yet."""
        self.indexer.catch_up(rows, self.last_id)

    def now(self) -> int:
        """Milliseconds UTC; never less than before, so that times follow the order of commits."""
        self._now = max(self._now, time.time_ns() // 1_000_000)
        return self._now

    def update(self, name: str, drafts: list[tuple[Path, Draft]]) -> None:
        """Put every draft at its path. Where one can't be, nothing of the update may stay."""
        self._update(self.namespaces.create(name), drafts, self.now())

    def replace(self, name: str, path: Path, pieces: Iterable[tuple[Path, Tree]]) -> None:
        """Put a large value, of which the pieces come one after another, at `path`."""
        namespace, now = self.namespaces.create(name), self.now()
        self.put(namespace, path, None)
        for some in batches(pieces, STATEMENT_PATHS):
            drafts = [((*path, *below), draft(value, len(path + below))) for below, value in some]
            if any(sv.increment is not None for _, made in drafts for sv in made.blanks):
                raise Refusal(400, "Increments are not supported in a body as large as this one.")
            self._update(namespace, drafts, now)

    def _update(self, namespace: Namespace, drafts: list[tuple[Path, Draft]], now: int) -> None:
        for path, made in drafts:
            if made.blanks:
                made.fill([self._value_of(namespace, path, sv, now) for sv in made.blanks])
        for some in batches(drafts, STATEMENT_PATHS):
            self._put_many(namespace, some)

    def _value_of(self, namespace: Namespace, path: Path, sv: ServerValue, now: int) -> int | float:
        if sv.increment is None:
            return now
        return incremented(self.peek(encode(namespace.root, path + sv.path)), sv.increment)

    def _put_many(self, namespace: Namespace, drafts: list[tuple[Path, Draft]]) -> None:
        """Put drafts, none within another; what is new goes in by one statement."""
        keyed = sorted((encode(namespace.root, path), path, made.text) for path, made in drafts)
        bounds = chain.from_iterable((key, key + END) for key, _, _ in keyed)
        sql = RELATED.format(",".join(["(?,?)"] * len(keyed)))
        known = {key for (key,) in self.db.execute(sql, list(bounds))}
        rows: list[Row] = []
        for key, path, text in keyed:
            indexed = namespace.rules.indexed_above(path[:-1])
            whole = not indexed or indexed == (len(path) - 1,)
            if whole and key not in known:
                rows += _rows(key, text)
            else:
                self.put(namespace, path, text)
        self._insert(rows)

    def set_rules(self, name: str, rules: Rules) -> None:
        """Give a namespace rules of its own."""
        self.namespaces.set_rules(name, rules)
        self.indexer.reload()

    def check_etag(self, name: str, path: Path, etag: str) -> None:
        """Raise Mismatch unless the state at `path` is the one that `etag` names."""
        key = encode(self.namespaces.find(name).root, path)
        current = self.etag(key)
        if current != etag:
            raise Mismatch(b"".join(self.json(key)), current)

    def put(self, namespace: Namespace, path: Path, text: bytes | None) -> None:
        """Replace what is at `path` by a canonical tree's JSON; None removes it."""
        key = encode(namespace.root, path)
        found = self.db.execute(
            "SELECT key FROM record WHERE key < ? ORDER BY key DESC LIMIT 1", (key + END,)
        ).fetchone()
        below = found is not None and found[0].startswith(key)
        above = found is not None and not below and key.startswith(found[0])
        self.indexer.before(namespace, path, fresh=not (below or above))
        if above:
            self._put_within(found[0], key, text)
        else:
            if below:
                self.db.execute("DELETE FROM record WHERE key >= ? AND key < ?", (key, key + END))
            self._insert(_rows(key, text))
        self.indexer.after(namespace, path)

    def _put_within(self, holder: bytes, key: bytes, text: bytes | None) -> None:
        """Change part of the record at `holder`."""
        (old,) = self.db.execute("SELECT value FROM record WHERE key = ?", (holder,)).fetchone()
        tree = None if text is None else stored(text)
        whole = replaced(stored(old), decode(key, len(holder)), tree)
        self.db.execute("DELETE FROM record WHERE key = ?", (holder,))
        self._insert(_rows(holder, None if whole is None else encode_json(whole)))

    def _insert(self, rows: Iterable[Row]) -> None:
        """Insert in few statements: each runs as a whole without Python's lock."""
        for some in batches(rows, STATEMENT_ROWS):
            values: list[int | bytes] = []
            for key, text in some:
                self.last_id += 1
                values += (self.last_id, key, text)
            sql = "INSERT OR ROLLBACK INTO record VALUES " + ",".join(["(?,?,?)"] * len(some))
            self.db.execute(sql, values)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The same items, up to `size` at a time."""
    waiting = iter(items)
    while some := list(islice(waiting, size)):
        yield some


def _rows(key: bytes, text: bytes | None) -> list[Row]:
    """The rows that hold a canonical tree's JSON at `key`; none for null."""
    if text is None:
        return []
    if len(text) <= RECORD_BYTES or text[0] not in b"[{":
        return [(key, text)]
    return [
        row
        for name, child in children_of(stored(text))
        for row in _rows(key + segment(name), encode_json(child))
    ]
