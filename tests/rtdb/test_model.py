"""Any sequence of operations gives the tree, the order and the ETags of the model.

Once in the store itself, its records made so small that trees fall into many rows, and once
over the wire.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path as Folder
from typing import Any
from unittest.mock import patch

import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtdb import write
from rtdb.keys import encode
from rtdb.query import answer, parse_query
from rtdb.read import View
from rtdb.rules import parse_rules
from rtdb.store import Namespaces, Store, transaction
from rtdb.tree import draft
from rtdb.write import Writer
from tests.rtdb import model
from tests.rtdb.server import Server

EXAMPLES = int(os.environ.get("RTDB_EXAMPLES", "300"))
OWNER = {"Authorization": "Bearer owner"}
NAME = "model"
INDEXES = ("a", "b/a", "$value")
RULES = b"""{"rules": {
    ".indexOn": ["a", "b/a", ".value"],
    "$one": {".indexOn": ["a", "b/a", ".value"],
             "a": {".indexOn": ["a", "b/a", ".value"]},
             "$two": {".indexOn": ["a", "b/a", ".value"]}}
}}"""

keys = st.sampled_from(["a", "b", "c", "0", "1", "2", "10", "-3", "01", "é", "z z", '"'])
paths = st.lists(keys, max_size=4).map(tuple)
primitives = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.sampled_from([0.5, -2.5, 12345.678]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)
values = st.recursive(
    primitives,
    lambda inner: st.one_of(st.dictionaries(keys, inner, max_size=5), st.lists(inner, max_size=4)),
    max_leaves=12,
)
updates = st.dictionaries(paths.filter(bool), values, min_size=1, max_size=4).filter(
    lambda update: (
        not any(one != other and other[: len(one)] == one for one in update for other in update)
    )
)
operations = st.lists(
    st.one_of(
        st.builds(lambda path, value: {path: value}, paths, values),
        updates,
        st.builds(lambda path: {path: None}, paths),
    ),
    min_size=1,
    max_size=12,
)
bounds = st.one_of(primitives, st.sampled_from(["a", "b", "10", "2"]))
queries = st.fixed_dictionaries(
    {},
    optional={
        "start": st.tuples(st.sampled_from(["startAt", "startAfter"]), bounds),
        "end": st.tuples(st.sampled_from(["endAt", "endBefore"]), bounds),
        "limit": st.tuples(st.sampled_from(["limitToFirst", "limitToLast"]), st.integers(1, 4)),
    },
).map(lambda chosen: dict(chosen.values())) | st.builds(lambda bound: {"equalTo": bound}, bounds)


@contextlib.contextmanager
def open_writer() -> Iterator[Writer]:
    """A writer on a new store whose records hold next to nothing."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(Store(Folder(folder))) as store,
        patch.object(write, "RECORD_BYTES", 30),
    ):
        store.db.execute("PRAGMA synchronous = OFF")
        yield Writer(View(store.db), Namespaces(store.db, parse_rules(RULES)))


def by_key_only(order: str, asked: dict[str, Any]) -> bool:
    """Whether a query by key has bounds that are no keys."""
    names = ("startAt", "startAfter", "endAt", "endBefore", "equalTo")
    given_bounds = [asked[name] for name in names if name in asked]
    return order == "$key" and not all(isinstance(b, str) and b for b in given_bounds)


@settings(max_examples=EXAMPLES, deadline=None)
@given(operations, paths, st.sampled_from(["$key", *INDEXES]), queries, st.integers(0, 12))
def test_the_store_holds_what_the_model_holds(
    steps: list[dict[model.Path, Any]],
    place: model.Path,
    order: str,
    asked: dict[str, Any],
    lag: int,
) -> None:
    with open_writer() as writer:
        tree: Any = None
        for number, step in enumerate(steps):
            with transaction(writer.db):
                drafts = [(path, draft(json.loads(json.dumps(v)), 0)) for path, v in step.items()]
                writer.update(NAME, drafts)
                if number % 3 != lag % 3:
                    writer.catch_up(lag)
            for path, value in step.items():
                tree = model.put(tree, path, value)
            root = writer.namespaces.find(NAME).root
            assert b"".join(writer.json(root)) == model.text(tree)
        with transaction(writer.db):
            writer.catch_up(1000)
        assert writer.is_indexed(writer.namespaces.find(NAME))
        assert writer.lag == 0
        key = encode(root, place)
        assert b"".join(writer.json(key)) == model.text(model.get(tree, place))
        if by_key_only(order, asked) or (order != "$key" and len(place) > 2):
            return
        query = parse_query(
            {name: json.dumps(v) for name, v in (asked | {"orderBy": order}).items()}
        )
        assert query is not None
        found = b"".join(answer(writer, writer.namespaces.find(NAME), place, query))
        expected = model.query(model.get(tree, place), order, asked)
        shown = json.loads(found)
        assert shown == model.show(expected)
        numbers = bool(expected) and model.integer(next(iter(expected))) is not None
        assert numbers or list(shown) == list(expected)


@settings(max_examples=EXAMPLES, deadline=None)
@given(values, paths.filter(bool), values)
def test_etags_differ_as_trees_do(first: Any, path: model.Path, second: Any) -> None:
    with open_writer() as writer:
        tags: dict[bytes, str] = {}
        tree: Any = None
        for value, at in ((first, ()), (second, path), (first, ())):
            with transaction(writer.db):
                writer.update(NAME, [(at, draft(json.loads(json.dumps(value)), 0))])
            tree = model.put(tree, at, value)
            text = model.text(tree)
            etag = writer.etag(writer.namespaces.find(NAME).root)
            assert tags.setdefault(text, etag) == etag
        assert len(set(tags.values())) == len(tags)
        assert tags.get(b"null", "null_etag") == "null_etag"


@settings(
    max_examples=EXAMPLES // 5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(operations)
def test_the_server_holds_what_the_model_holds(
    server: Server, steps: list[dict[model.Path, Any]]
) -> None:
    url, parameters = f"{server.url}/.json", {"ns": "wire"}
    tree: Any = None
    with requests.Session() as session:
        session.headers.update(OWNER)
        session.delete(url, params=parameters)
        for step in steps:
            if () in step:
                answer_ = session.put(url, params=parameters, data=json.dumps(step[()]))
            else:
                body = {"/".join(path): value for path, value in step.items()}
                answer_ = session.patch(url, params=parameters, json=body)
            assert answer_.status_code == 200
            for path, value in step.items():
                tree = model.put(tree, path, value)
            assert session.get(url, params=parameters).content == model.text(tree)
