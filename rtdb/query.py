"""Ordered and filtered reads: the query parameters, and the JSON of what they select.

Parameters and refusals: https://firebase.google.com/docs/database/rest/retrieve-data. Ordering
by anything but keys needs its `.indexOn`, whoever asks.
"""

import re
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from rtdb.errors import Refusal
from rtdb.index import place_of
from rtdb.keys import END, INTEGER_TAG, TEXT_TAG, Path, encode, segment, segment_end, text_of
from rtdb.order import sortable
from rtdb.read import CHUNK_BYTES, INTERIOR, View, indented, quoted
from rtdb.rules import Rules
from rtdb.store import Namespace
from rtdb.tree import (
    Tree,
    canonical,
    checked_primitive,
    children_of,
    decode_json,
    encode_json,
    is_array,
)

BOUNDS = ("startAt", "startAfter", "endAt", "endBefore", "equalTo")
LIMITS = ("limitToFirst", "limitToLast")
MAX_LIMIT = 2**31 - 1
NOTHING = b"{}"  # what a query answers that finds none
TOGETHER = 16
"""Rows read at once: each may be large."""

SELECT = """
SELECT e.child, r.value AS value
FROM entry e LEFT JOIN record r ON r.key = CAST(? || e.child AS BLOB)
WHERE e.place = ? AND (e.value, e.child) >= (?, ?) AND e.value < ?
ORDER BY e.value, e.child LIMIT ?
"""
# Whether all of a place's children have text keys, and as many are selected as there are rows below
# it: these are theirs then, one each. ?1 is the place, and the tag.
SELECTS_ALL = """
SELECT NOT EXISTS (SELECT * FROM record WHERE key > ?9 AND key < ?1) AND (
    SELECT count(*) FROM (
        SELECT * FROM entry
        WHERE place = ?3 AND (value, child) >= (?4, ?5) AND value < ?6 LIMIT ?7
    )
) = (SELECT count(*) FROM (SELECT * FROM record WHERE key > ?1 AND key < ?2 LIMIT ?8))
"""
NTH_FROM_END = """
SELECT value, child FROM entry WHERE place = ? AND value >= ? AND value < ?
ORDER BY value DESC, child DESC LIMIT 1 OFFSET ?
"""


Bounds = tuple[bytes, bytes, bytes, bytes, bytes, int]
"""The place's key, its index, the first value and child in that, the end of the values, the limit
(-1 for none)."""


@dataclass(frozen=True)
class Query:
    """What is asked for; the bounds are sortable forms, `low` inclusive and `high` exclusive."""

    order: str
    low: bytes
    high: bytes
    limit: int | None
    last: bool


def parse_query(parameters: Mapping[str, str]) -> Query | None:
    """Read the query parameters; None if there are none."""
    if not any(name in parameters for name in ("orderBy", *BOUNDS, *LIMITS)):
        return None
    if "orderBy" not in parameters:
        raise Refusal(400, "orderBy must be defined when other query parameters are defined")
    order = _json(parameters["orderBy"])
    if not isinstance(order, str) or not order.strip("/"):
        raise Refusal(400, "orderBy must be a valid JSON encoded path")
    if order == "$priority":
        raise Refusal(400, "Priorities are not supported here: order by a child instead.")
    low, high = _bounds(parameters, order == "$key")
    limit = _limit(parameters)
    return Query(order, low, high, limit, "limitToLast" in parameters)


def _json(text: str) -> Tree:
    try:
        return decode_json(text.encode(errors="replace"))
    except Refusal:
        return []  # neither a path nor a primitive: the caller's refusal fits


def _bounds(parameters: Mapping[str, str], by_key: bool) -> tuple[bytes, bytes]:
    low, high = b"", END
    given = {name: parameters[name] for name in BOUNDS if name in parameters}
    if "equalTo" in given and len(given) > 1:
        raise Refusal(
            400,
            "equalTo cannot be specified in addition to startAfter, startAt, endAt, or endBefore",
        )
    if {"startAt", "startAfter"} <= given.keys() or {"endAt", "endBefore"} <= given.keys():
        raise Refusal(400, "Only one start and one end may be specified")
    for name, text in given.items():
        form = _bound(_json(text), by_key)
        if name in ("startAt", "equalTo"):
            low = form
        if name == "startAfter":
            low = form + END
        if name in ("endAt", "equalTo"):
            high = form + END
        if name == "endBefore":
            high = form
    return low, high


def _bound(value: Tree, by_key: bool) -> bytes:
    if isinstance(value, list | dict):
        raise Refusal(400, "Constraint index field must be a JSON primitive")
    if not by_key:
        return sortable(checked_primitive(value))
    if not isinstance(value, str):
        raise Refusal(400, "Provided key index type is invalid, must be string")
    return segment(value) if value else bytes([TEXT_TAG, 0])


def _limit(parameters: Mapping[str, str]) -> int | None:
    given = [name for name in LIMITS if name in parameters]
    if len(given) > 1:
        raise Refusal(400, "Only one of limitToFirst and limitToLast may be specified")
    for name in given:
        text = parameters[name].strip()
        if not re.fullmatch("-?[0-9]+", text):
            raise Refusal(400, f"{name} must be an integer")
        if int(text[:20]) <= 0:
            raise Refusal(400, f"{name} must be positive")
        return min(int(text[:20]), MAX_LIMIT)
    return None


def check_index(query: Query, rules: Rules, path: Path) -> None:
    """Refuse a query whose index the rules don't name, as the hosted database does."""
    name = _index_name(query)
    if query.order != "$key" and name not in rules.indexes_at(path):
        raise Refusal(
            400,
            f'Index not defined, add ".indexOn": "{name}", '
            f'for path "/{"/".join(path)}", to the rules',
        )


def _index_name(query: Query) -> str:
    return ".value" if query.order == "$value" else query.order


def answer(
    view: View, namespace: Namespace, path: Path, query: Query, pretty: bool = False
) -> Iterator[bytes]:
    """The JSON of the children that `query` selects: by key, or in the index's order."""
    if query.order == "$key":
        return _by_key(view, encode(namespace.root, path), query, pretty)
    return _by_index(view, namespace, path, query, pretty)


def answer_size(view: View, namespace: Namespace, path: Path, query: Query) -> int:
    """About how many bytes `answer` has, and no more than it has."""
    if query.order == "$key":
        return view.size(*_key_range(view, encode(namespace.root, path), query))
    bounds = _index_range(view, namespace, path, query)
    if _all_are_selected(view, bounds):
        return view.size(bounds[0])
    (size,) = view.db.execute(f"SELECT sum(length(value)) FROM ({SELECT})", bounds).fetchone()
    return int(size or 0)


def _by_key(view: View, key: bytes, query: Query, pretty: bool) -> Iterator[bytes]:
    held = view.peek(key)
    if held is not INTERIOR:
        text = encode_json(_select_within(held, query) or {})
        return iter([indented(text, 0) if pretty else text])
    low, high = _key_range(view, key, query)
    return view.join(view.rows(low, high), key, view.is_array(key, low, high), pretty, NOTHING)


def _key_range(view: View, key: bytes, query: Query) -> tuple[bytes, bytes]:
    low, high = key + query.low, key + query.high
    if query.limit is None:
        return low, high
    chosen = view.segments(key, low, high, last_first=query.last)
    edge = b"".join(deque(islice(chosen, query.limit), maxlen=1))
    if not edge:
        return low, low
    return (key + edge, high) if query.last else (low, key + edge + END)


def _select_within(held: Tree, query: Query) -> Tree:
    chosen = [
        (name, child)
        for name, child in children_of(held)
        if query.low <= segment(name) < query.high
    ]
    if query.limit is not None:
        chosen = chosen[-query.limit :] if query.last else chosen[: query.limit]
    return canonical(dict(chosen))


def _by_index(
    view: View, namespace: Namespace, path: Path, query: Query, pretty: bool
) -> Iterator[bytes]:
    bounds = _index_range(view, namespace, path, query)
    found = iter(view.db.execute(SELECT, bounds))
    first = next(found, None)
    if first is None:
        return iter([NOTHING])
    key, array = bounds[0], False
    if first[0][0] != INTEGER_TAG and not pretty:  # no array
        if _all_are_selected(view, bounds):
            return _object(view, key, view.rows(key, key + END), len(key))
        return _object(view, key, view.db.execute(SELECT, bounds), 0)
    rows: Iterable[tuple[bytes, bytes | None]] = chain([first], found)
    if first[0][0] == INTEGER_TAG:  # an array, perhaps: its order is that of its keys
        children = sorted(child for child, _ in rows)
        array = is_array(text_of(child).decode() for child in children)
        rows = view.db.execute(SELECT, bounds)
        if array:
            rows = ((child, None) for child in children)
    whole = ((child, value or b"".join(view.json(key + child))) for child, value in rows)
    return view.join(((key + child, value) for child, value in whole), key, array, pretty)


def _all_are_selected(view: View, bounds: Bounds) -> bool:
    """Whether every child of the place is selected, has a text key and is in one row: they are read
    in half the time where they lie, instead of one by one."""
    key, *rest, limit = bounds
    most = limit if limit < 0 else limit + 1
    low = key + bytes([TEXT_TAG])
    (same,) = view.db.execute(SELECTS_ALL, (low, key + END, *rest, limit, most, key)).fetchone()
    return bool(same)


def _object(view: View, place: bytes, rows: sqlite3.Cursor, start: int) -> Iterator[bytes]:
    """The JSON of an object, in pieces; this is how a day is read in bulk, so it does little.

    Args:
        rows: of each child of `place` its segment, which begins at byte `start`, perhaps with the
            keys of what is below it, and its JSON, if that is in one row.
    """
    waiting: list[bytes] = []
    lead, size = b"{", 0
    while some := rows.fetchmany(TOGETHER):
        for key, value in some:
            name = key[start + 1 : -1]
            if value is not None and name.isalnum():  # a text key that is JSON as it is
                waiting.append(b'"%b":%b' % (name, value))
                size += len(value)
            else:
                waiting.append(_member(view, place, key[start:], value))
                size += len(waiting[-1])
        if size >= CHUNK_BYTES:
            yield lead + b",".join(waiting)
            lead, waiting, size = b",", [], 0
    yield (lead if waiting else b"") + b",".join(waiting) + b"}"


def _member(view: View, place: bytes, child: bytes, value: bytes | None) -> bytes:
    """A child as a member of a JSON object, whatever its key, and whatever rows it is in."""
    end = segment_end(child, 0)
    if value is None or end < len(child):
        value = b"".join(view.json(place + child[:end]))
    return quoted(text_of(child[:end])) + b":" + value


def _index_range(view: View, namespace: Namespace, path: Path, query: Query) -> Bounds:
    """What SELECT wants."""
    place = place_of(namespace.root, path, _index_name(query))
    start, child = query.low, b""
    if query.last and query.limit is not None:
        bounds = (place, query.low, query.high, query.limit - 1)
        start, child = view.db.execute(NTH_FROM_END, bounds).fetchone() or (start, child)
    limit = -1 if query.limit is None else query.limit
    return encode(namespace.root, path), place, start, child, query.high, limit
