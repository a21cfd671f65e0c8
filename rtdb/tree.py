"""Values of the tree, kept in the form in which they are stored and sent.

That form is canonical, so equal trees are equal bytes: no nulls or empty objects, keys in the
database's order, and an array wherever the hosted database answers with one: all keys are
integers from 0 on and more than half of them, up to the greatest, are there
(https://firebase.blog/posts/2014/04/best-practices-arrays-in-firebase).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import msgspec

from rtdb.errors import Refusal
from rtdb.keys import ARRAY_INDEX, Path, check_depth, check_key, sort_key

Tree: TypeAlias = "bool | int | float | str | list[Tree] | dict[str, Tree] | None"

MAX_STRING_BYTES = 10 * 1024 * 1024
NOT_JSON = "Invalid data; couldn't parse JSON object, array, or value."

encode_json = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def decode_json(text: bytes | bytearray) -> Tree:
    """Parse strict JSON, or refuse it in the hosted database's words."""
    try:
        return cast(Tree, _decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(400, NOT_JSON) from None


def stored(text: bytes) -> Tree:
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
    """A place in a tree that the server fills: the time, or the old value plus `increment`."""

    increment: int | float | None = None


@dataclass
class Draft:
    """A canonical tree to be written, and where in it server values stand."""

    box: list[Tree]
    blanks: list[tuple[list[Tree] | dict[str, Tree], str | int, Path, ServerValue]] = field(
        default_factory=list
    )

    @property
    def tree(self) -> Tree:
        """The tree itself."""
        return self.box[0]


def draft(value: Tree, depth: int) -> Draft:
    """Check decoded JSON that goes to a path of `depth` keys, and make it canonical."""
    made = Draft([None])
    made.box[0] = _checked(value, (), depth, made)
    _note_blanks(made.box, (), made, root=True)
    return made


def _checked(value: Tree, path: Path, depth: int, made: Draft) -> Tree:
    if isinstance(value, dict):
        special = _special(value)
        if special is not None:
            return special
        return _checked_children(value.items(), path, depth, made)
    if isinstance(value, list):
        numbered = ((str(n), child) for n, child in enumerate(value))
        return _checked_children(numbered, path, depth, made)
    return _checked_primitive(value)


def _checked_children(
    children: Iterable[tuple[str, Tree]], path: Path, depth: int, made: Draft
) -> Tree:
    check_depth(depth + len(path))
    kept: dict[str, Tree] = {}
    blanks = False
    for key, child in children:
        if child is None:
            continue
        check_key(key)
        if isinstance(child, dict | list):
            child = _checked(child, (*path, key), depth, made)
            if child is None:
                continue
            blanks = blanks or isinstance(child, ServerValue)
        elif isinstance(child, str):
            if len(child) * 4 > MAX_STRING_BYTES:
                _checked_primitive(child)
        else:
            child = _checked_primitive(child)
        kept[key] = child
    if kept:
        check_depth(depth + len(path) + 1)
    tree = canonical(kept)
    if blanks:
        _note_blanks(tree, path, made)
    return tree


def _checked_primitive(value: Tree) -> Tree:
    if isinstance(value, str) and len(value) * 4 > MAX_STRING_BYTES:
        if len(value.encode()) > MAX_STRING_BYTES:
            raise Refusal(400, "Invalid data; a string is longer than 10485760 bytes.")
    elif type(value) is int and not -(2**63) <= value < 2**63:
        try:
            return float(value)
        except OverflowError:
            raise Refusal(400, "Invalid data; a number is beyond a 64-bit float.") from None
    elif type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def _special(value: dict[str, Tree]) -> Tree:
    """The objects that are not: `.sv`, `.value` and, refused, `.priority`."""
    if value.get(".priority") is not None:
        raise Refusal(400, "Priorities are not supported here: order by a child instead.")
    if ".value" in value:
        inner = value[".value"]
        if isinstance(inner, dict | list):
            raise Refusal(400, "Invalid data; .value must be a primitive.")
        return _checked_primitive(inner)
    if ".sv" not in value:
        return None
    sv = value[".sv"]
    if sv == "timestamp":
        return cast(Tree, ServerValue())
    increment = sv.get("increment") if isinstance(sv, dict) and len(sv) == 1 else None
    if len(value) > 1 or type(increment) not in (int, float):
        raise Refusal(400, 'Invalid data; .sv must be "timestamp" or {"increment": number}.')
    return cast(Tree, ServerValue(cast(float, _checked_primitive(increment))))


def _note_blanks(tree: Tree, path: Path, made: Draft, root: bool = False) -> None:
    if isinstance(tree, dict):
        for key, child in tree.items():
            if isinstance(child, ServerValue):
                made.blanks.append((tree, key, (*path, key), child))
    elif isinstance(tree, list):
        for n, child in enumerate(tree):
            if isinstance(child, ServerValue):
                made.blanks.append((tree, n, () if root else (*path, str(n)), child))


def incremented(old: Tree, by: int | float) -> Tree:
    """`old` plus `by`; what is no number counts as 0, an integer beyond 64 bits turns double."""
    base = old if isinstance(old, int | float) and not isinstance(old, bool) else 0
    total = _checked_primitive(base + by)
    if isinstance(total, float) and total in (float("inf"), float("-inf")):
        raise Refusal(400, "Invalid data; the sum is beyond a 64-bit float.")
    return total
