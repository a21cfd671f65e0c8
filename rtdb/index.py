"""Index entries: for each child of an indexed place, the value it is ordered by.

An entry is (place and index name, sortable value, child's key). A child that is written whole
gets its entries after the write, from `Indexer.catch_up`, many rows at a time and sorted,
because one by one they would cost more than the data itself. Two things hold at any commit:
an entry that is there is right, and children of rows up to `indexed` have theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from rtdb.keys import END, Path, decode, encode, segment, segment_end
from rtdb.order import sortable
from rtdb.read import View
from rtdb.rules import Node
from rtdb.store import Namespace, Namespaces
from rtdb.tree import Tree, at, children_of, stored, values_at

STATEMENT_ROWS = 1000
CATCH_UP_ROWS = 50_000  # rows that a query may wait for at once: half a second

Entry = tuple[bytes, bytes, bytes]


@lru_cache(maxsize=4096)
def place_of(root: bytes, path: Path, name: str) -> bytes:
    """Where the entries of one index stand; right after the path itself."""
    return encode(root, path) + b"\0" + name.encode()


@dataclass(frozen=True)
class Place:
    """Where many rows stand side by side: its key, and its indexes with what they order by."""

    key: bytes
    indexes: list[bytes]
    fields: tuple[Path, ...]

    def holds(self, key: bytes) -> bool:
        """Whether `key` is that of a child."""
        start = len(self.key)
        return key.startswith(self.key) and segment_end(key, start) == len(key)


class Indexer:
    """Keeps the entries of all namespaces; `indexed` is the last row that has its entries."""

    def __init__(self, view: View, namespaces: Namespaces) -> None:
        self._view = view
        self._namespaces = namespaces
        self.reload()

    def reload(self) -> None:
        """Read again what stands in the store, after a start or a rollback."""
        (indexed,) = self._view.db.execute("SELECT indexed FROM state").fetchone()
        self.indexed: int = indexed

    def catch_up(self, rows: int, last_id: int) -> None:
        """Give their entries to the `rows` oldest rows that have none yet, up to `last_id`."""
        found = self._view.db.execute(
            "SELECT id, key, value FROM record WHERE id > ? ORDER BY id LIMIT ?",
            (self.indexed, rows),
        )
        entries: list[Entry] = []
        before, count = self.indexed, 0
        place: Place | None = None
        for self.indexed, key, value in found:
            count += 1
            if place is None or not place.holds(key):
                place = self._place_above(key)
            if place is None:
                namespace = self._namespaces.of_root(key[:4])
                entries += self._entries_of_row(namespace, decode(key, 4), value)
            else:
                name = key[len(place.key) :]
                values = map(sortable, values_at(value, place.fields))
                entries += [
                    (index, form, name) for index, form in zip(place.indexes, values, strict=True)
                ]
        if count < rows:
            self.indexed = last_id  # the others are gone again
        if self.indexed > before:
            self._insert(entries)
            self._view.db.execute("UPDATE state SET indexed = ?", (self.indexed,))

    def _place_above(self, key: bytes) -> Place | None:
        """The place of which `key` is a child, if nothing but its indexes concerns the row."""
        namespace, path = self._namespaces.of_root(key[:4]), decode(key, 4)
        node = namespace.rules.node_at(path[:-1]) if path else None
        above = namespace.rules.indexed_above(path[:-1]) if path else ()
        if node is None or node.literal or node.variable or above != (len(path) - 1,):
            return None
        names, fields = zip(*node.indexes.items(), strict=True)
        if not all(fields):
            return None
        return Place(
            key[: -len(segment(path[-1]))],
            [place_of(namespace.root, path[:-1], name) for name in names],
            fields,
        )

    def before(self, namespace: Namespace, path: Path, fresh: bool) -> None:
        """Drop the entries that a write at `path` makes wrong; `fresh`: nothing is there yet."""
        for depth in namespace.rules.indexed_above(path[:-1]) if path else ():
            if not (fresh and depth + 1 == len(path)):
                self._view.db.executemany(
                    "DELETE FROM entry WHERE place = ? AND value = ? AND child = ?",
                    self._entries_of_child(namespace, path[:depth], path[depth]),
                )
        if not fresh and namespace.rules.node_at(path):
            key = encode(namespace.root, path)
            self._view.db.execute(
                "DELETE FROM entry WHERE place >= ? AND place < ?", (key, key + END)
            )

    def after(self, namespace: Namespace, path: Path) -> None:
        """Enter anew the children of which the write at `path` changed a part."""
        for depth in namespace.rules.indexed_above(path[:-1]) if path else ():
            if depth + 1 < len(path):
                self._insert(self._entries_of_child(namespace, path[:depth], path[depth]))

    def _insert(self, entries: list[Entry]) -> None:
        """Enter them in few statements: each runs as a whole without Python's lock."""
        entries.sort()
        for start in range(0, len(entries), STATEMENT_ROWS):
            some = entries[start : start + STATEMENT_ROWS]
            sql = "INSERT OR IGNORE INTO entry VALUES " + ",".join(["(?,?,?)"] * len(some))
            self._view.db.execute(sql, list(chain.from_iterable(some)))

    def _entries_of_child(self, namespace: Namespace, place: Path, name: str) -> list[Entry]:
        """All entries of one child, from what is stored now."""
        child = encode(namespace.root, (*place, name))
        if self._view.locate(child) is None or self._view.peek(child) is None:
            return []
        return [
            (
                place_of(namespace.root, place, index),
                sortable(self._view.peek(encode(child, field))),
                segment(name),
            )
            for index, field in namespace.rules.indexes_at(place).items()
        ]

    def _entries_of_row(self, namespace: Namespace, path: Path, value: bytes) -> Iterator[Entry]:
        rules, root = namespace.rules, namespace.root
        for depth in rules.indexed_above(path[:-1]) if path else ():
            if depth + 1 < len(path):
                yield from self._entries_of_child(namespace, path[:depth], path[depth])
                continue
            tree, name = stored(value), segment(path[depth])
            for index, field in rules.indexes_at(path[:depth]).items():
                yield place_of(root, path[:depth], index), sortable(at(tree, field)), name
        node = rules.node_at(path)
        if node is not None:
            yield from _entries_within(node, root, path, stored(value))


def _entries_within(node: Node, root: bytes, path: Path, tree: Tree) -> Iterator[Entry]:
    """The entries of all indexed places in `tree`, which stands at `path`."""
    for name, child in children_of(tree):
        for index, field in node.indexes.items():
            yield place_of(root, path, index), sortable(at(child, field)), segment(name)
        below = node.below(name)
        if below is not None:
            yield from _entries_within(below, root, (*path, name), child)
