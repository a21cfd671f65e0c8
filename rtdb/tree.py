"""Values of the tree, kept in the form in which they are stored and sent.

That form is canonical, so equal trees are equal bytes: no nulls or empty objects, keys in the
database's order, and an array wherever the hosted database answers with one: all keys are
integers from 0 on and more than half of them, up to the greatest, are there
(https://firebase.blog/posts/2014/04/best-practices-arrays-in-firebase).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from secrets import randbelow
from typing import TypeAlias, cast

import msgspec

from rtdb.errors import Refusal
from rtdb.keys import ARRAY_INDEX, Path, check_depth, check_key, sort_key

Tree: TypeAlias = "bool | int | float | str | list[Tree] | dict[str, Tree] | None"

MAX_STRING_BYTES = 10 * 1024 * 1024
SHORT = MAX_STRING_BYTES // 4  # so many characters are few enough bytes in any script
CACHED_KEYS = 40
MARK = 10**18 + randbelow(8 * 10**18)  # 19 digits that nobody else knows
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
NOT_JSON = "Invalid data; couldn't parse JSON object, array, or value."

NULL = msgspec.Raw(b"null")

encode_json = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def decode_json(text: bytes | bytearray | msgspec.Raw) -> Tree:
    """Parse strict JSON, or refuse it in the hosted database's words."""
    try:
        return cast(Tree, _decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(400, NOT_JSON) from None


def decode_members(text: bytes | bytearray) -> dict[str, msgspec.Raw] | None:
    """Parse no more of strict JSON than an object's keys; None if it is no object.

    To parse a member and use it before the next is quicker than to parse all at once.
    """
    try:
        return _decode_members(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decode_json(text)
        return None


def stored(text: bytes | msgspec.Raw) -> Tree:
    """Parse what was written by `encode_json`."""
    return cast(Tree, _decode(text))


def children_of(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """The children of a canonical tree in order; a primitive has none."""
    if isinstance(tree, dict):
        yield from tree.items()
    elif isinstance(tree, list):
        yield from ((str(n), child) for n, child in enumerate(tree) if child is not None)


def is_array(keys: Iterable[str]) -> bool:
    """Whether an object of these keys is shown as an array."""
    count, greatest = 0, -1
    for key in keys:
        if not ARRAY_INDEX.fullmatch(key):
            return False
        count += 1
        greatest = max(greatest, int(key))
    return greatest < 2 * count


def canonical(children: dict[str, Tree]) -> Tree:
    """Put children, none of them null, in the canonical form."""
    if not children:
        return None
    if any(key[0] in "-0123456789" for key in children):
        if is_array(children):
            return [children.get(str(n)) for n in range(max(map(int, children)) + 1)]
        keys = sorted(children, key=sort_key)
    else:
        keys = sorted(children)  # by code point, which is by UTF-8
    return {key: children[key] for key in keys}


def at(tree: Tree, path: Path) -> Tree:
    """The value at `path` below `tree`, null where there is none."""
    for key in path:
        if isinstance(tree, dict):
            tree = tree.get(key)
        elif isinstance(tree, list) and ARRAY_INDEX.fullmatch(key) and int(key) < len(tree):
            tree = tree[int(key)]
        else:
            return None
    return tree


def values_at(text: bytes, paths: Iterable[Path]) -> list[Tree]:
    """The values at some paths, none of them empty, in what `encode_json` wrote."""
    try:
        members = _decode_members(text)
    except msgspec.ValidationError:
        tree = stored(text)
        return [at(tree, path) for path in paths]
    return [at(stored(members.get(path[0], NULL)), path[1:]) for path in paths]


def replaced(tree: Tree, path: Path, value: Tree) -> Tree:
    """`tree` with `value` at `path`; null removes what is there."""
    if not path:
        return value
    children = dict(children_of(tree))
    if not children and value is None:
        return tree
    child = replaced(children.get(path[0]), path[1:], value)
    if child is None:
        children.pop(path[0], None)
    else:
        children[path[0]] = child
    return canonical(children)


@dataclass(frozen=True)
class ServerValue:
    """What the server fills in: the time, or the value at `path` so far plus `increment`."""

    path: Path
    increment: int | float | None = None


class Draft(msgspec.Struct):
    """The JSON of a canonical tree to be written, None for null, and its server values.

    The n-th of them stands in the text as the number `MARK` + n.
    """

    text: bytes | None
    blanks: list[ServerValue] = []

    def fill(self, values: Iterable[int | float]) -> None:
        """Put the server's values in their places."""
        for mark, value in enumerate(values, MARK):
            self.text = cast(bytes, self.text).replace(b"%d" % mark, encode_json(value), 1)


def draft(value: Tree, depth: int, long: bool = True) -> Draft:
    """Check decoded JSON that goes to a path of `depth` keys, and make it canonical.

    `long` says whether a string in it may be too long. The JSON is taken apart on the way.
    """
    made = Draft(None)
    tree = _checked(value, (), depth, long, made.blanks)
    if tree is not None:
        try:
            made.text = encode_json(tree)
        except UnicodeEncodeError:
            raise Refusal(400, NOT_JSON) from None
    return made


@dataclass(frozen=True)
class Shape:
    """What the keys of an object say about it: their order, and whether it needs more care."""

    keys: tuple[str, ...]
    special: bool
    numbered: bool


def _shape(keys: tuple[str, ...]) -> Shape:
    """Check the keys of an object."""
    special = any(key in (".sv", ".value", ".priority") for key in keys)
    for key in () if special else keys:
        check_key(key)
    numbered = any(key[:1] in "-0123456789" for key in keys)
    return Shape(tuple(sorted(keys)), special, numbered)


_known_shape = lru_cache(maxsize=1024)(_shape)  # many small objects share their keys


def _checked(value: Tree, path: Path, depth: int, long: bool, blanks: list[ServerValue]) -> Tree:
    if isinstance(value, list):
        value = {str(n): child for n, child in enumerate(value) if child is not None}
    if not isinstance(value, dict):
        return checked_primitive(value)
    keys = tuple(value)
    shape = _known_shape(keys) if len(keys) <= CACHED_KEYS else _shape(keys)
    if shape.special:
        return _special(value, path, blanks)
    check_depth(depth + len(path) + bool(value))
    kept = value if shape.keys == keys else {key: value[key] for key in shape.keys}
    nulls: list[str] = []
    for key, child in kept.items():
        kind = type(child)
        if (kind is str and not long) or kind is bool:
            continue
        if kind is int and MIN_INTEGER <= child <= MAX_INTEGER:  # type: ignore[operator]
            continue
        if kind is dict or kind is list:
            child = _checked(child, (*path, key), depth, long, blanks)
        elif child is not None:
            child = checked_primitive(child)
        kept[key] = child
        if child is None:
            nulls.append(key)
    for key in nulls:
        del kept[key]
    return canonical(kept) if shape.numbered or not kept else kept


def checked_primitive(value: Tree) -> Tree:
    """A primitive as it is stored: integers of 64 bits, or doubles; refuse what is neither."""
    if type(value) is int:
        if MIN_INTEGER <= value <= MAX_INTEGER:
            return value
        try:
            return float(value)
        except OverflowError:
            raise Refusal(400, "Invalid data; a number is beyond a 64-bit float.") from None
    if isinstance(value, str) and len(value) >= SHORT and len(value.encode()) > MAX_STRING_BYTES:
        raise Refusal(400, f"Invalid data; a string is longer than {MAX_STRING_BYTES} bytes.")
    if type(value) is float:
        if not isfinite(value):
            raise Refusal(400, NOT_JSON)
        if abs(value) < 2**53 and value.is_integer():
            return int(value)
    return value


def _special(value: dict[str, Tree], path: Path, blanks: list[ServerValue]) -> Tree:
    """What `.sv` and `.value` stand for; priorities are refused."""
    if value.pop(".priority", None) is not None:
        raise Refusal(400, "Priorities are not supported here: order by a child instead.")
    inner, sv = value.pop(".value", None), value.pop(".sv", None)
    if value:
        check_key(next(iter(value)))
        raise Refusal(400, "Invalid data; .value and .sv stand alone.")
    if sv is None:
        if isinstance(inner, dict | list):
            raise Refusal(400, "Invalid data; .value must be a primitive.")
        return checked_primitive(inner)
    if sv == "timestamp":
        blanks.append(ServerValue(path))
    else:
        increment = sv.get("increment") if isinstance(sv, dict) and len(sv) == 1 else None
        if type(increment) not in (int, float):
            raise Refusal(400, 'Invalid data; .sv must be "timestamp" or {"increment": number}.')
        blanks.append(ServerValue(path, cast(float, checked_primitive(increment))))
    return MARK + len(blanks) - 1


def incremented(old: Tree, by: int | float) -> int | float:
    """`old` plus `by`; what is no number counts as 0, an integer beyond 64 bits turns double."""
    base = old if isinstance(old, int | float) and not isinstance(old, bool) else 0
    return cast(float, checked_primitive(base + by))
