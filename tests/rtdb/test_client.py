"""Every call of firebase_admin.db but listen, over the wire."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from firebase_admin import db, exceptions

from tests.rtdb.server import Server

PEOPLE = {
    "ada": {"name": "Ada", "age": 36, "home": {"city": "London"}},
    "bob": {"name": "Bob", "age": 41},
    "cid": {"name": "Cid", "age": 7.5, "home": {"city": "Burgos"}},
    "dee": {"age": True},
    "eve": {"name": "Eve", "age": None, "home": {"city": "London"}},
}


def test_what_is_set_is_got(root: db.Reference) -> None:
    value = {"text": 'é\n"\\', "number": 1.5, "deep": {"er": {"yet": False}}}
    root.child("a/b").set(value)
    assert root.child("a/b").get() == value
    assert root.child("a/b/deep/er").get() == {"yet": False}
    assert root.get() == {"a": {"b": value}}
    assert root.child("a/c").get() is None


def test_set_replaces_and_null_deletes(root: db.Reference) -> None:
    root.set({"a": {"b": 1, "c": 2}})
    root.child("a").set({"d": {}, "e": None, "f": 3})
    assert root.get() == {"a": {"f": 3}}
    root.child("a").set({"f": None})
    assert root.get() is None


def test_writing_below_a_primitive_replaces_it(root: db.Reference) -> None:
    root.child("a").set(5)
    root.child("a/b/c").set(1)
    assert root.get() == {"a": {"b": {"c": 1}}}
    root.child("a/b/c/d").delete()
    assert root.get() == {"a": {"b": {"c": 1}}}


def test_update_of_many_paths(root: db.Reference) -> None:
    root.set({"x": {"a": 1, "b": 2}, "y": 3})
    root.update({"x/a": {"n": 1}, "x/b": None, "z/deep/er": "new"})
    assert root.get() == {"x": {"a": {"n": 1}}, "y": 3, "z": {"deep": {"er": "new"}}}


def test_a_refused_update_changes_nothing(root: db.Reference) -> None:
    root.set({"x": 1})
    with pytest.raises(exceptions.InvalidArgumentError, match="within another"):
        root.update({"a": 1, "x/y": 2, "x/y/z": 3})
    with pytest.raises(exceptions.InvalidArgumentError):
        root.update({"a": 1, "b": {"bad.key": 2}})
    assert root.get() == {"x": 1}


def test_pushed_keys_sort_by_time(root: db.Reference) -> None:
    keys = [root.child("list").push(n).key for n in range(50)]
    assert keys == sorted(keys)
    assert root.child("list").get() == dict(zip(keys, range(50), strict=True))


def test_delete(root: db.Reference) -> None:
    root.set({"a": {"b": 1}, "c": 2})
    root.child("a").delete()
    root.child("nowhere/at/all").delete()
    assert root.get() == {"c": 2}


def test_shallow(root: db.Reference) -> None:
    root.set({"a": {"b": 1}, "c": 2})
    root.child("big").set({f"k{n}": "x" * 100 for n in range(1000)})
    assert root.get(shallow=True) == {"a": True, "big": True, "c": True}
    assert root.child("a").get(shallow=True) == {"b": True}
    assert root.child("c").get(shallow=True) == 2
    assert len(root.child("big").get(shallow=True)) == 1000


def test_etags(root: db.Reference) -> None:
    nothing, etag = root.child("a").get(etag=True)
    assert (nothing, etag) == (None, "null_etag")
    root.child("a").set({"b": 1})
    value, etag = root.child("a").get(etag=True)
    assert value == {"b": 1}
    assert root.child("a").get_if_changed(etag) == (False, None, None)
    root.child("a/b").set(2)
    changed, value, later = root.child("a").get_if_changed(etag)
    assert (changed, value) == (True, {"b": 2})
    assert later != etag
    assert root.child("a").set_if_unchanged(etag, 3) == (False, {"b": 2}, later)
    done, value, _ = root.child("a").set_if_unchanged(later, 3)
    assert (done, value) == (True, 3)


def test_transactions_under_contention(root: db.Reference) -> None:
    def add_one(_: int) -> Any:
        return root.child("count").transaction(lambda old: (old or 0) + 1)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(add_one, range(40)))
    assert root.child("count").get() == 40
    assert sorted(results) == list(range(1, 41))


def test_server_values(root: db.Reference) -> None:
    before = int(time.time() * 1000)
    root.child("t").set({"at": {".sv": "timestamp"}, "n": {".sv": {"increment": 2}}})
    root.update({"t/n": {".sv": {"increment": 0.5}}, "u": {".sv": {"increment": -3}}})
    after = int(time.time() * 1000)
    value: Any = root.get()
    assert before <= value["t"]["at"] <= after
    assert value["t"]["n"] == 2.5
    assert value["u"] == -3
    root.child("big").set(2**63 - 1)
    root.child("big").set({".sv": {"increment": 1}})
    assert root.child("big").get() == float(2**63)


def test_arrays(root: db.Reference) -> None:
    root.child("a").set(["x", None, "z"])
    assert root.child("a").get() == ["x", None, "z"]
    assert root.child("a/2").get() == "z"
    root.child("a/9").set("far")
    assert root.child("a").get() == {"0": "x", "2": "z", "9": "far"}
    root.child("b").set({"0": "p", "1": {"1": "q"}})
    assert root.child("b").get() == ["p", [None, "q"]]


def test_many_integer_keys_span_rows_and_stay_an_array(root: db.Reference) -> None:
    values = [{"n": n, "text": "x" * 90} for n in range(500)]
    root.child("long").set(values)
    assert root.child("long").get() == values
    root.child("long/3").delete()
    assert root.child("long").get() == [*values[:3], None, *values[4:]]


def ordered(query: db.Query) -> list[str]:
    return list(query.get())


def test_queries_by_child(root: db.Reference) -> None:
    people = root.child("people")
    people.set(PEOPLE)
    by_age = people.order_by_child("age")
    assert ordered(by_age) == ["eve", "dee", "cid", "ada", "bob"]
    assert ordered(by_age.limit_to_first(2)) == ["eve", "dee"]
    assert ordered(people.order_by_child("age").limit_to_last(2)) == ["ada", "bob"]
    assert ordered(people.order_by_child("age").start_at(7.5).end_at(36)) == ["cid", "ada"]
    assert ordered(people.order_by_child("age").equal_to(True)) == ["dee"]
    assert ordered(people.order_by_child("name").equal_to("Bob")) == ["bob"]
    city = people.order_by_child("home/city").equal_to("London")
    assert city.get() == {"ada": PEOPLE["ada"], "eve": {"name": "Eve", "home": {"city": "London"}}}
    assert people.order_by_child("name").equal_to("Zoe").get() == {}


def test_queries_by_key_and_value(root: db.Reference) -> None:
    people = root.child("people")
    people.set({"10": 3, "9": "x", "b": 1, "a": 2})
    assert ordered(people.order_by_value()) == ["b", "a", "10", "9"]
    assert ordered(people.order_by_value().start_at(2).limit_to_first(2)) == ["a", "10"]
    assert people.order_by_key().limit_to_first(3).get() == {"9": "x", "10": 3, "a": 2}
    assert people.order_by_key().start_at("a").get() == {"a": 2, "b": 1}
    assert people.order_by_key().end_at("9").get() == {"9": "x"}
    assert people.order_by_key().equal_to("b").get() == {"b": 1}
    assert people.order_by_key().limit_to_last(1).get() == {"b": 1}


def test_queries_follow_writes(root: db.Reference) -> None:
    people = root.child("people")
    people.set(PEOPLE)
    people.child("ada/age").set(100)
    people.child("bob").delete()
    people.update({"cid/age": None, "fay": {"age": 50}})
    assert ordered(people.order_by_child("age").start_at(0)) == ["fay", "ada"]
    people.delete()
    people.child("gus/age").set(1)
    assert people.order_by_child("age").get() == {"gus": {"age": 1}}


def test_a_query_without_its_index_is_refused(root: db.Reference) -> None:
    words = 'Index not defined, add ".indexOn": "size", for path "/people", to the rules'
    with pytest.raises(exceptions.InvalidArgumentError, match=words):
        root.child("people").order_by_child("size").get()
    with pytest.raises(exceptions.InvalidArgumentError, match=r'"\.value", for path "/other"'):
        root.child("other").order_by_value().get()


def test_namespaces_are_apart(server: Server, root: db.Reference) -> None:
    root.child("a").set(1)
    owner = {"Authorization": "Bearer owner"}
    there = f"{server.url}/a.json?ns=elsewhere"
    assert requests.get(there, headers=owner).json() is None
    assert requests.put(there, headers=owner, json=2).json() == 2
    assert root.get() == {"a": 1}
