"""The rules document: who may read and write, and what is indexed.

`.read` and `.write` are true or false; a true one holds for everything below and cannot be
revoked there (https://firebase.google.com/docs/database/security/core-syntax). A literal key
is preferred to a `$variable` beside it. Expressions are not evaluated: one in `.read` or `.write`
allows nothing, and where `.validate` has one, nobody but the owner writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from rtdb.errors import Refusal
from rtdb.keys import Path, check_path
from rtdb.tree import Tree, decode_json

COMMENT = re.compile(rb'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
DENY_ALL = b'{"rules": {".read": false, ".write": false}}'


@dataclass
class Node:
    """The rules of one place; `indexes` maps each indexed child path as written to its keys."""

    read: bool = False
    write: bool = False
    indexes: dict[str, Path] = field(default_factory=dict)
    literal: dict[str, Node] = field(default_factory=dict)
    variable: Node | None = None

    def below(self, key: str) -> Node | None:
        """The rules of the child `key`."""
        return self.literal.get(key, self.variable)

    @cached_property
    def reaches_index(self) -> bool:
        """Whether anything here or below is indexed."""
        nodes = [*self.literal.values(), *([self.variable] if self.variable else [])]
        return bool(self.indexes) or any(node.reaches_index for node in nodes)


@dataclass(frozen=True)
class Rules:
    """A parsed rules document."""

    text: bytes
    root: Node
    expressions: tuple[str, ...] = ()
    """Each rule that is not plainly true or false, such as `.read at /users/$uid`."""
    _above: dict[Path, tuple[int, ...]] = field(default_factory=dict)

    def along(self, path: Path) -> Iterator[tuple[int, Node]]:
        """The rules met from the root to `path`, each with how many keys lead to it."""
        node: Node | None = self.root
        for depth in range(len(path) + 1):
            if node is None:
                return
            yield depth, node
            if depth < len(path):
                node = node.below(path[depth])

    @property
    def caution(self) -> str | None:
        """What to know where a rule is an expression."""
        if not self.expressions:
            return None
        return (
            "Rule expressions are not evaluated here, so these let nobody pass but the owner: "
            + ", ".join(self.expressions)
        )

    @cached_property
    def _validates(self) -> bool:
        return any(rule.startswith(".validate") for rule in self.expressions)

    def allows(self, path: Path, write: bool) -> bool:
        """Whether a client without a token may read, or write, at `path`."""
        if write and self._validates:
            return False
        return any(node.write if write else node.read for _, node in self.along(path))

    def indexes_at(self, path: Path) -> dict[str, Path]:
        """What the children of `path` are indexed by."""
        node = self._at(path)
        return node.indexes if node else {}

    def _at(self, path: Path) -> Node | None:
        node: Node | None = self.root
        for key in path:
            if node is None:
                return None
            node = node.below(key)
        return node

    def indexed_above(self, parent: Path) -> tuple[int, ...]:
        """How many keys lead to each indexed place that `parent` is or lies below."""
        known = self._above.get(parent)
        if known is None:
            if len(self._above) > 10_000:
                self._above.clear()
            known = tuple(depth for depth, node in self.along(parent) if node.indexes)
            self._above[parent] = known
        return known

    def node_at(self, path: Path) -> Node | None:
        """The rules at `path`, if something there or below is indexed."""
        node = self._at(path)
        return node if node and node.reaches_index else None

    @cached_property
    def indexing(self) -> str:
        """All that is indexed, as text that is equal when the indexing is."""
        lines: list[str] = []

        def walk(node: Node, path: str) -> None:
            lines.extend(f"{path} {name}" for name in sorted(node.indexes))
            for key in sorted(node.literal):
                walk(node.literal[key], f"{path}/{key}")
            if node.variable:
                walk(node.variable, f"{path}/$")

        walk(self.root, "")
        return "\n".join(lines)


def parse_rules(text: bytes) -> Rules:
    """Read a rules document, comments allowed; refuse what could not be honoured."""
    try:
        document = decode_json(COMMENT.sub(rb"\1", text))
    except Refusal:
        raise Refusal(400, "Parse error: the rules are not valid JSON.") from None
    if not isinstance(document, dict) or not isinstance(document.get("rules"), dict):
        raise Refusal(400, 'Parse error: the rules must be {"rules": {...}}.')
    expressions: list[str] = []
    root = _node(document["rules"], "", expressions)
    return Rules(text, root, tuple(expressions))


def _node(rules: Tree, path: str, expressions: list[str]) -> Node:
    if not isinstance(rules, dict):
        raise Refusal(400, f"Parse error: the rules at {path or '/'} must be an object.")
    node = Node()
    for key, rule in rules.items():
        if key in (".read", ".write", ".validate"):
            said = str(rule).strip().lower()
            if said not in ("true", "false") or (key == ".validate" and said == "false"):
                expressions.append(f"{key} at {path or '/'}")
            elif key != ".validate":
                setattr(node, key[1:], said == "true")
        elif key == ".indexOn":
            node.indexes = _indexes(rule, path)
        elif key.startswith("$"):
            node.variable = _node(rule, f"{path}/{key}", expressions)
        else:
            node.literal[key] = _node(rule, f"{path}/{key}", expressions)
    return node


def _indexes(rule: Tree, path: str) -> dict[str, Path]:
    names = rule if isinstance(rule, list) else [rule]
    indexes: dict[str, Path] = {}
    for name in names:
        if not isinstance(name, str) or not name:
            raise Refusal(400, f"Parse error: .indexOn at {path or '/'} must be text or a list.")
        indexes[name] = () if name == ".value" else check_path(name)
    return indexes
