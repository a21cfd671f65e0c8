"""Reading: the JSON of any place, in pieces, from the rows that hold it."""

import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from hashlib import blake2b

import msgspec

from rtdb.keys import END, INTEGER_TAG, decode, segment_end, text_of
from rtdb.store import Namespace
from rtdb.tree import Tree, at, children_of, encode_json, is_array, stored

CHUNK_BYTES = 128 * 1024
NULL_ETAG = "null_etag"
INTERIOR: Tree = {"…": True}  # stands for an object whose children have rows of their own

Row = tuple[bytes, bytes]


class View:
    """Reads through one connection, whose open transaction decides which state is seen."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def is_indexed(self, namespace: Namespace) -> bool:
        """Whether every row has the index entries that the namespace's rules ask for."""
        row = self.db.execute(
            "SELECT indexing FROM namespace WHERE name = ?", (namespace.name,)
        ).fetchone()
        if row and row[0] != namespace.rules.indexing:
            return False
        (indexed,) = self.db.execute("SELECT indexed FROM state").fetchone()
        (greatest,) = self.db.execute("SELECT max(id) FROM record").fetchone()
        return greatest is None or greatest <= indexed

    def locate(self, key: bytes) -> Row | None:
        """The row at, above or (the last one) below `key`."""
        row: Row | None = self.db.execute(
            "SELECT key, value FROM record WHERE key < ? ORDER BY key DESC LIMIT 1", (key + END,)
        ).fetchone()
        if row and (row[0].startswith(key) or key.startswith(row[0])):
            return row
        return None

    def peek(self, key: bytes) -> Tree:
        """The value at `key`; INTERIOR for an object that spans rows."""
        row = self.locate(key)
        if row is None:
            return None
        if len(row[0]) > len(key):
            return INTERIOR
        return at(stored(row[1]), decode(key, len(row[0])))

    def json(self, key: bytes, pretty: bool = False) -> Iterator[bytes]:
        """The JSON at `key`; equal trees give equal bytes, however their rows were cut."""
        row = self.locate(key)
        if row and len(row[0]) > len(key):
            yield from self.join(self.rows(key, key + END), key, self.is_array(key), pretty)
        else:
            text = row[1] if row else b"null"
            if row and len(row[0]) < len(key):
                text = encode_json(at(stored(text), decode(key, len(row[0]))))
            yield msgspec.json.format(text, indent=2) if pretty else text

    def shallow(self, key: bytes) -> Iterator[bytes]:
        """The JSON at `key` with `true` for each child."""
        value = self.peek(key)
        if not isinstance(value, dict | list):
            yield encode_json(value)
            return
        if value is INTERIOR:
            names = (quoted(text_of(seg)) for seg in self.segments(key))
        else:
            names = (encode_json(name) for name, _ in children_of(value))
        yield from chunks(separated((name + b":true" for name in names), b"{", b"}"))

    def etag(self, key: bytes) -> str:
        """A value that differs whenever the JSON at `key` does."""
        digest = blake2b(digest_size=15)
        for piece in self.json(key):
            if piece == b"null":
                return NULL_ETAG
            digest.update(piece)
        return urlsafe_b64encode(digest.digest()).decode()

    def rows(self, low: bytes, high: bytes) -> sqlite3.Cursor:
        """The rows from `low` to before `high`."""
        return self.db.execute(
            "SELECT key, value FROM record WHERE key >= ? AND key < ? ORDER BY key", (low, high)
        )

    def size(self, low: bytes, high: bytes = b"") -> int:
        """About how many bytes of JSON lie between, or at `low` alone; no more than there are."""
        (size,) = self.db.execute(
            "SELECT sum(length(value)) FROM record WHERE key >= ? AND key < ?",
            (low, high or low + END),
        ).fetchone()
        return int(size or 0)

    def segments(
        self, key: bytes, low: bytes = b"", high: bytes = b"", last_first: bool = False
    ) -> Iterator[bytes]:
        """The keys of the children of `key`, between `low` and `high`, as segments in order.

        Of a child that spans rows only two are looked at.
        """
        low, high = low or key, high or key + END
        order = "DESC" if last_first else "ASC"
        sql = f"SELECT key FROM record WHERE key >= ? AND key < ? ORDER BY key {order}"
        start, seen = len(key), b""
        while True:
            for (found,) in self.db.execute(sql, (low, high)):
                seg = found[start : segment_end(found, start)]
                if seg == seen:
                    break
                seen = seg
                yield seg
            else:
                return
            low, high = (low, key + seen) if last_first else (key + seen + END, high)

    def is_array(self, key: bytes, low: bytes = b"", high: bytes = b"") -> bool:
        """Whether the children of `key`, between `low` and `high`, are shown as an array."""
        for last_first in (False, True):
            for seg in self.segments(key, low, high, last_first):
                if seg[0] != INTEGER_TAG:
                    return False
                break
        return is_array(text_of(seg).decode() for seg in self.segments(key, low, high))

    def join(
        self,
        rows: Iterable[Row],
        top: bytes,
        array: bool,
        pretty: bool = False,
        nothing: bytes = b"null",
    ) -> Iterator[bytes]:
        """The JSON of an object or array at `top` from its rows, in pieces."""
        return chunks(self._joined(rows, top, array, pretty, nothing))

    def _joined(
        self, rows: Iterable[Row], top: bytes, array: bool, pretty: bool, nothing: bytes
    ) -> Iterator[bytes]:
        path = top
        levels: list[Level] = []
        for key, value in rows:
            while levels and not key.startswith(path):
                path = path[: levels[-1].start]
                yield levels.pop().close()
            if not levels:
                levels.append(Level(len(top), array, pretty, 0))
                path = top
            while (end := segment_end(key, len(path))) < len(key):
                yield levels[-1].name(key[len(path) : end])
                levels.append(Level(len(path), self.is_array(key[:end]), pretty, len(levels)))
                path = key[:end]
            yield levels[-1].name(key[len(path) :])
            yield indented(value, len(levels)) if pretty else value
        if not levels:
            yield nothing
        while levels:
            yield levels.pop().close()


class Level:
    """An object or array that is being written out; its own key begins at byte `start`."""

    def __init__(self, start: int, array: bool, pretty: bool, depth: int) -> None:
        self.start = start
        self.array = array
        self.count = 0
        self.pretty = pretty
        self.line = b"\n" + b"  " * depth if pretty else b""

    def name(self, seg: bytes) -> bytes:
        """What comes before the value of the next child."""
        lead = (b"," if self.count else (b"[" if self.array else b"{")) + self.line
        lead += b"  " if self.pretty else b""
        if self.array:
            holes = int(text_of(seg)) - self.count
            self.count += holes + 1
            return lead + (b"null," + lead[1:]) * holes
        self.count += 1
        return lead + quoted(text_of(seg)) + (b": " if self.pretty else b":")

    def close(self) -> bytes:
        """What comes after the last child."""
        return self.line + (b"]" if self.array else b"}")


def quoted(text: bytes) -> bytes:
    """A key as JSON; keys hold no control characters."""
    if b'"' in text or b"\\" in text:
        text = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"' + text + b'"'


def indented(value: bytes, depth: int) -> bytes:
    """A record's JSON, indented to stand at `depth`."""
    return msgspec.json.format(value, indent=2).replace(b"\n", b"\n" + b"  " * depth)


def separated(items: Iterable[bytes], opening: bytes, closing: bytes) -> Iterator[bytes]:
    """Items with commas between them; `null` if there are none."""
    lead = opening
    for item in items:
        yield lead + item
        lead = b","
    yield b"null" if lead == opening else closing


def chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces worth sending."""
    waiting: list[bytes] = []
    size = 0
    for part in parts:
        waiting.append(part)
        size += len(part)
        if size >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)
