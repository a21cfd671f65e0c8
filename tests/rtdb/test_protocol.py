"""Statuses, bodies and headers that firebase-admin does not show."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from rtdb.read import CHUNK_BYTES
from tests.rtdb.server import ROOT, Server, command, running

OWNER = {"Authorization": "Bearer owner"}
NOT_JSON = {"error": "Invalid data; couldn't parse JSON object, array, or value."}


class Client:
    """Requests with the owner's token to one namespace."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name

    def __call__(
        self, method: str, path: str, data: Any = None, query: str = "", **headers: str
    ) -> requests.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        text = data if data is None or isinstance(data, bytes) else json.dumps(data)
        url = f"{self._url}{path}.json?ns={self._name}{query}"
        return requests.request(method, url, data=text, headers={**OWNER, **sent})


@pytest.fixture
def call(server: Server, request: pytest.FixtureRequest) -> Client:
    """A client of an empty namespace."""
    return Client(server.url, request.node.name.replace("[", "-").replace("]", "")[:100])


def test_answers_to_writes(call: Client) -> None:
    put = call("PUT", "/a", {"b": {".sv": "timestamp"}, "c": None, "d": [1]})
    assert put.status_code == 200
    assert put.headers["Content-Type"] == "application/json; charset=utf-8"
    assert put.json() == call("GET", "/a").json()
    patch = call("PATCH", "/a", {"e/f": 1, "d": None})
    assert patch.json() == {"e/f": 1, "d": None}
    assert call("PUT", "/x", 1, query="&print=silent").status_code == 204
    assert call("POST", "/list", {"n": 1}).json().keys() == {"name"}
    gone = call("DELETE", "/a")
    assert (gone.status_code, gone.text) == (200, "null")
    assert call("GET", "/x", query="&print=silent").status_code == 204


def test_pretty(call: Client) -> None:
    value = {"a": [1, None, {"b": "x" * 9000}], "c": {"d": {"e": "y" * 9000}}}
    call("PUT", "/", value)
    text = call("GET", "/", query="&print=pretty").text
    assert text == json.dumps(value, indent=2)
    call("PUT", "/people", {"b": {"age": 2}, "a": {"age": 3}})
    text = call("GET", "/people", query='&orderBy="age"&print=pretty').text
    assert text == json.dumps({"b": {"age": 2}, "a": {"age": 3}}, indent=2)


@pytest.mark.parametrize("more", [[], ["7"], ["7", "11"]])
def test_all_children_of_a_place_by_a_child(call: Client, more: list[str]) -> None:
    """Whatever their keys are, and though each is large enough to lie by itself."""
    keys = ['a"b', "c\\d", '\\"', "é", "plain", *more]
    children = {key: {"received": n, "said": key * 2000} for n, key in enumerate(keys)}
    call("PATCH", "/days/monday", children)
    assert call("GET", "/days/monday", query='&orderBy="received"').json() == children
    first = call("GET", "/days/monday", query='&orderBy="received"&limitToFirst=2').json()
    assert first == {key: children[key] for key in keys[:2]}


def test_a_key_that_is_a_number_is_not_taken_for_a_longer_text(call: Client) -> None:
    children = {"a": {"received": 1}, "5": {"received": 2}, "bbbbbbb": {"received": 3}}
    for key, child in children.items():
        call("PUT", f"/days/monday/{key}", child | {"said": "x" * 20})
    first = call("GET", "/days/monday", query='&orderBy="received"&limitToFirst=2').json()
    assert list(first) == ["a", "5"]


def test_keys_come_in_order(call: Client) -> None:
    keys = ["-1", "1", "9", "10", "2147483647", "2147483648", "A", "Z", "a", "é", "\U0001f600"]
    call("PUT", "/", dict.fromkeys(reversed(keys), 1))
    assert list(call("GET", "/").json()) == keys
    call("PUT", "/", dict.fromkeys(reversed(keys), "x" * 3000))
    assert list(call("GET", "/").json()) == keys
    assert list(call("GET", "/", query="&shallow=true").json()) == keys


def test_conditional_writes(call: Client) -> None:
    created = call("PUT", "/a", {"b": 1}, if_match="null_etag", X_Firebase_ETag="true")
    assert created.status_code == 200
    etag = created.headers["ETag"]
    refused = call("PUT", "/a", 2, if_match="wrong")
    assert refused.status_code == 412
    assert (refused.headers["ETag"], refused.json()) == (etag, {"b": 1})
    assert call("DELETE", "/a", if_match="wrong").status_code == 412
    assert call("GET", "/a", if_none_match=etag).status_code == 304
    assert call("DELETE", "/a", if_match=etag).status_code == 200
    assert call("GET", "/a", X_Firebase_ETag="true").headers["ETag"] == "null_etag"
    assert "ETag" not in call("GET", "/a").headers


def test_a_query_s_answer_in_several_pieces(call: Client) -> None:
    people = {f"p{n:02}": {"age": 40 - n, "name": "x" * 9_000} for n in range(40)}
    people['say "\\"'] = {"age": 0, "long": "y" * 20_000, "parts": {"z": "z" * 20_000}}
    call("PUT", "/people", people)
    answer = call("GET", "/people", query='&orderBy="age"')
    assert len(answer.content) > 2 * CHUNK_BYTES
    assert answer.json() == people
    assert list(answer.json()) == ['say "\\"', *(f"p{n:02}" for n in reversed(range(40)))]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limitToFirst=1", "orderBy must be defined when other query parameters are defined"),
        ("orderBy=name", "orderBy must be a valid JSON encoded path"),
        ('orderBy="name"&limitToFirst=1&limitToLast=1', "Only one of limitToFirst and limitToLast"),
        ('orderBy="name"&limitToFirst=0', "limitToFirst must be positive"),
        ('orderBy="name"&limitToLast=x', "limitToLast must be an integer"),
        ('orderBy="name"&limitToLast=--5', "limitToLast must be an integer"),
        ('orderBy="name"&limitToLast=%s-5' % (30 * " "), "limitToLast must be positive"),
        ('orderBy="name"&startAt={}', "Constraint index field must be a JSON primitive"),
        ('orderBy="name"&startAt=x', "Constraint index field must be a JSON primitive"),
        ('orderBy="$key"&startAt=1', "Provided key index type is invalid, must be string"),
        ('orderBy="name"&equalTo=1&endAt=2', "equalTo cannot be specified in addition to"),
        ('orderBy="$priority"', "Priorities are not supported here"),
        ('orderBy="size"', 'Index not defined, add ".indexOn": "size", for path "/people"'),
    ],
)
def test_refused_queries(call: Client, query: str, words: str) -> None:
    answer = call("GET", "/people", query=f"&{query}")
    assert answer.status_code == 400
    assert words in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nul", b"NaN", b"[1e999]", b'"\xff"', b'"\\ud800"', b"[" * 5000, b"{}x", b"1 2"],
)
def test_what_is_not_json_is_refused(call: Client, body: bytes) -> None:
    for padding in (b"", b" " * 1_100_000):
        answer = call("PUT", "/a", body + padding)
        assert (answer.status_code, answer.json()) == (400, NOT_JSON)
    assert call("GET", "/a").text == "null"


@pytest.mark.parametrize("long", [False, True])
def test_limits(call: Client, long: bool) -> None:
    padding = {"pad": ["x" * 60_000] * 20} if long else {}
    deep: Any = 1
    for _ in range(31):
        deep = {"d": deep}
    accepted = {"k" * 768: 1, "é" * 384: 2, "deep": deep["d"], "text": "y" * 10_485_760}
    assert call("PUT", "/", {**padding, **accepted}, query="&print=silent").status_code == 204
    assert call("GET", "/deep").json() == deep["d"]
    assert len(call("GET", "/text").json()) == 10_485_760
    for refused in (
        {"k" * 769: 1},
        {"é" * 385: 1},
        {"deep": {"er": deep}},
        {"text": "y" * 10_485_761},
        {"a.b": 1},
        {"": 1},
        {"a/b": 1},
        {"a\x7f": 1},
        {"n": 10**400},
        {"a": {".priority": 1, "b": 2}},
        {"a": {".sv": "now"}},
    ):
        answer = call("PUT", "/", {**padding, **refused})
        assert answer.status_code == 400, refused
        assert answer.json()["error"]
    assert call("GET", "/", query="&shallow=true").json().keys() == {*padding, *accepted}


def test_numbers(call: Client) -> None:
    sent = b"[1.0, 9223372036854775807, 9223372036854775808, 0.1, -0, 1e3, 9007199254740993]"
    assert call("PUT", "/", sent).status_code == 200
    got = call("GET", "/").json()
    assert got == [1, 2**63 - 1, 2.0**63, 0.1, 0, 1000, 9007199254740993]
    assert [type(number) for number in got] == [int, int, float, float, int, int, int]


def test_long_bodies_are_like_short_ones(call: Client) -> None:
    value = {
        "list": [{"n": n, "text": "é" * 100, "hole": None} for n in range(4000)],
        "map": {f"k{n}": {"at": {".sv": "timestamp"}, "x": "x" * 300} for n in range(4000)},
        "one": "z" * 2_000_000,
        "empty": {},
    }
    assert call("PUT", "/a", value, query="&print=silent").status_code == 204
    got = call("GET", "/a").json()
    assert got.keys() == {"list", "map", "one"}
    assert got["list"] == [{"n": n, "text": "é" * 100} for n in range(4000)]
    assert len(got["map"]) == 4000
    assert len({child["at"] for child in got["map"].values()}) == 1
    assert got["one"] == value["one"]
    update = {"list/3999": None, "map": {f"k{n}": "y" * 500 for n in range(4000)}, "new/a": 1}
    assert call("PATCH", "/a", update, query="&print=silent").status_code == 204
    got = call("GET", "/a").json()
    assert len(got["list"]) == 3999
    assert got["map"] == update["map"]
    assert got["new"] == {"a": 1}
    overlapping = {"map": {f"k{n}": "w" * 500 for n in range(4000)}, "map/k1": 1}
    assert call("PATCH", "/a", overlapping).status_code == 400
    assert call("PATCH", "/a", [["x" * 600_000], ["x" * 600_000]]).status_code == 200
    assert call("PATCH", "/a", "x" * 1_200_000).status_code == 400
    assert call("GET", "/a/map").json() == update["map"]


def test_what_is_outside_is_said_in_a_sentence(call: Client) -> None:
    streaming = call("GET", "/", Accept="text/event-stream")
    assert streaming.json() == {
        "error": "Streaming is not supported here: read again with GET instead."
    }
    rules = {"rules": {"me": {".read": "auth != null"}}}
    assert call("PUT", "/.settings/rules", rules).json() == {
        "status": "ok",
        "warning": "Rule expressions are not evaluated here, so these let nobody pass but the "
        "owner: .read at /me",
    }
    assert call("OPTIONS", "/").status_code == 405


def test_rules(server: Server, call: Client) -> None:
    call("PUT", "/open/in", 1)
    url = f"{server.url}/{{}}.json?ns={call._name}"
    assert requests.get(url.format("open/in")).json() == 1
    assert requests.put(url.format("open/in/side"), data="2").status_code == 200
    for answer in (
        requests.get(url.format("")),
        requests.get(url.format("people"), headers={"Authorization": "Bearer other"}),
        requests.put(url.format("open"), data="2"),
        requests.get(url.format(".settings/rules")),
    ):
        assert (answer.status_code, answer.json()) == (401, {"error": "Permission denied"})
    assert requests.get(url.format("people") + "&auth=owner").status_code == 200


def test_a_rule_with_an_expression_allows_nothing(server: Server, call: Client) -> None:
    call("PUT", "/", {"mine": 1, "open": 2})
    mine = {".read": "auth != null", ".write": "$uid === auth.uid"}
    rules: dict[str, Any] = {"mine": mine, "open": {".read": "true", ".write": True}}
    call("PUT", "/.settings/rules", {"rules": rules})
    url = f"{server.url}/{{}}.json?ns={call._name}"
    assert requests.get(url.format("mine")).status_code == 401
    assert requests.put(url.format("mine"), data="3").status_code == 401
    assert requests.get(url.format("open")).json() == 2
    assert requests.put(url.format("open"), data="3").json() == 3
    assert call("GET", "/mine").json() == 1
    other = '&auth_variable_override={"uid":"anna"}'
    assert call("GET", "/mine", query=other).json() == {"error": "Permission denied"}
    assert call("GET", "/open", query=other).json() == 3
    rules["open"]["deep"] = {".validate": "newData.isString()"}
    call("PUT", "/.settings/rules", {"rules": rules})
    assert requests.put(url.format("open"), data="4").status_code == 401
    assert call("PUT", "/open", 4).json() == 4


def test_rules_are_set_and_kept(tmp_path: Path) -> None:
    rules = {"rules": {"scores": {".indexOn": "points"}}}
    with running(tmp_path) as server:
        call = Client(server.url, "game")
        call("PUT", "/scores", {"a": {"points": 2}, "b": {"points": 1}})
        assert call("GET", "/scores", query='&orderBy="points"').status_code == 400
        assert call("PUT", "/.settings/rules", rules).json() == {"status": "ok"}
        assert list(call("GET", "/scores", query='&orderBy="points"').json()) == ["b", "a"]
    with running(tmp_path) as server:
        call = Client(server.url, "game")
        assert call("GET", "/.settings/rules").json() == rules
        assert list(call("GET", "/scores", query='&orderBy="points"').json()) == ["b", "a"]
        other = Client(server.url, "other")
        assert other("GET", "/scores", query='&orderBy="points"').status_code == 400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder that has been served once."""
    with running(tmp_path / "data") as server:
        Client(server.url, "one")("PUT", "/", {"a": [1, None, 3], "b": {"c": "é"}})
    return tmp_path / "data"


def run(*words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m rtdb` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "rtdb", *words],
        input=text,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_export_and_import(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    assert run("export", "--data", str(folder), "--ns", "one", str(file)).returncode == 0
    assert file.read_text() == '{"a":[1,null,3],"b":{"c":"é"}}\n'
    assert run("import", "--data", str(folder), "--ns", "two", str(file)).returncode == 0
    again = run("export", "--data", str(folder), "--ns", "two", "-")
    assert again.stdout == file.read_text()
    bad = run("import", "--data", str(folder), "--ns", "two", "-", text='{"a": 1, "b.c": 2}')
    assert bad.returncode == 1
    assert "Key value can't be empty or contain $ # [ ] / or ." in bad.stderr
    assert run("export", "--data", str(folder), "--ns", "two", "-").stdout == again.stdout
    missing = run("export", "--data", str(tmp_path / "none"), "-")
    assert missing.stderr == f"rtdb: There is no database in {tmp_path / 'none'}.\n"


def test_wrong_folders_and_rules_are_sentences(folder: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('{"rules": {".indexOn": 3}}')
    answer = run("--port", "0", "--data", str(folder), "--rules", str(rules))
    assert answer.returncode == 1
    assert "rules.json: Parse error: .indexOn at / must be text or a list." in answer.stderr
    db = sqlite3.connect(folder / "rtdb.sqlite3")
    db.execute("PRAGMA user_version = 99")
    db.close()
    answer = run("--port", "0", "--data", str(folder))
    assert answer.stderr == (
        f"rtdb: The database in {folder} has format 99; this version reads 1.\n"
    )
    (folder / "rtdb.sqlite3").write_bytes(b"not a database at all, " * 100)
    assert "file is not a database" in run("--port", "0", "--data", str(folder)).stderr
    blocked = tmp_path / "file"
    blocked.write_text("")
    answer = run("--port", "0", "--data", str(blocked))
    assert answer.stderr == f"rtdb: The data folder {blocked} can't be used: File exists.\n"
    assert "is not a port" in run("--port", "x").stderr


def test_a_second_server_is_refused(tmp_path: Path) -> None:
    with running(tmp_path):
        second = subprocess.run(command(tmp_path), capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert second.stderr == f"rtdb: Another server is using the data folder {tmp_path}.\n"
