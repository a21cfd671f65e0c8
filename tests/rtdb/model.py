"""The database in a few lines of dicts: what every sequence of operations must come to."""

import json
import re
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

Path = tuple[str, ...]


def normal(value: Any) -> Any:
    """Lists as objects, without nulls and empty objects."""
    if isinstance(value, list):
        value = {str(n): child for n, child in enumerate(value)}
    if isinstance(value, dict):
        children = {key: normal(child) for key, child in value.items()}
        return {key: child for key, child in children.items() if child is not None} or None
    return value


def put(tree: Any, path: Path, value: Any) -> Any:
    """`tree` with `value` at `path`."""
    if not path:
        return normal(value)
    value = normal(value)
    if value is None and not isinstance(tree, dict):
        return tree
    children = dict(tree) if isinstance(tree, dict) else {}
    children[path[0]] = put(children.get(path[0]), path[1:], value)
    return normal(children)


def get(tree: Any, path: Path) -> Any:
    """What is at `path`."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def integer(key: str) -> int | None:
    """A key's number, if it sorts by one."""
    number = int(key) if re.fullmatch(r"-?\d+", key, re.ASCII) else None
    return number if number is not None and -(2**31) <= number < 2**31 else None


def compare_keys(one: str, other: str) -> int:
    """Negative, 0 or positive, as `one` sorts before, as or after `other`."""
    a, b = integer(one), integer(other)
    if a is not None and b is not None and (a, len(one)) != (b, len(other)):
        return -1 if (a, len(one)) < (b, len(other)) else 1
    if (a is None) != (b is None):
        return -1 if a is not None else 1
    x, y = one.encode(), other.encode()
    return (x > y) - (x < y)


def rank(value: Any) -> tuple[int, Any]:
    """Sorts values."""
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 1 + value, 0
    if isinstance(value, int | float):
        return 3, value
    if isinstance(value, str):
        return 4, value.encode()
    return 5, 0


def show(tree: Any) -> Any:
    """A tree as it is answered: keys in order, arrays where keys allow."""
    if not isinstance(tree, dict) or not tree:
        return tree
    keys = sorted(tree, key=cmp_to_key(compare_keys))
    if all(re.fullmatch(r"0|[1-9]\d*", key, re.ASCII) for key in keys):
        greatest = max(map(int, keys))
        if greatest < 2 * len(keys):
            return [show(tree.get(str(n))) for n in range(greatest + 1)]
    return {key: show(tree[key]) for key in keys}


def text(tree: Any) -> bytes:
    """The exact answer to a GET."""
    return json.dumps(show(tree), ensure_ascii=False, separators=(",", ":")).encode()


def query(tree: Any, order: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The children that a query selects, in its order."""
    if not isinstance(tree, dict):
        return {}

    def value_of(key: str) -> Any:
        return tree[key] if order == "$value" else get(tree[key], tuple(order.split("/")))

    by_key = sorted(tree, key=cmp_to_key(compare_keys))
    keys = by_key if order == "$key" else sorted(by_key, key=lambda key: rank(value_of(key)))

    def beyond(key: str, bound: Any) -> int:
        if order == "$key":
            return compare_keys(key, bound)
        a, b = rank(value_of(key)), rank(bound)
        return (a > b) - (a < b)

    tests: dict[str, Callable[[int], bool]] = {
        "startAt": lambda sign: sign >= 0,
        "startAfter": lambda sign: sign > 0,
        "endAt": lambda sign: sign <= 0,
        "endBefore": lambda sign: sign < 0,
        "equalTo": lambda sign: sign == 0,
    }
    for name, test in tests.items():
        if name in parameters:
            keys = [key for key in keys if test(beyond(key, parameters[name]))]
    if "limitToFirst" in parameters:
        keys = keys[: parameters["limitToFirst"]]
    if "limitToLast" in parameters:
        keys = keys[-parameters["limitToLast"] :]
    return {key: tree[key] for key in keys}
