"""Each report of a batch is judged by itself; what is refused is named with field and rule."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.ingest.database import Database, today
from tests.ingest.function import Function
from tests.ingest.reports import MAX_SAFE, JsonReport, crash, report, without

REQUIRED = ["id", "app", "install", "time", "kind", "metrics", "ci", "dropped"]
OPTIONAL = ["operation", "solution", "outcome", "duration_ms"]

HEX_32 = "matching regex '^[0-9a-f]{32}\\\\Z'"
APP = "matching regex '^[a-z0-9][a-z0-9_-]{0,63}\\\\Z'"
IDENTIFIER = "matching regex '^[A-Za-z][A-Za-z0-9_-]{0,63}\\\\Z'"

BROKEN: list[tuple[str, JsonReport, str, str]] = [
    (name, report(**fields), field, rule)
    for name, fields, field, rule in (
        ("id too short", {"id": "a" * 31}, "$.id", HEX_32),
        ("id too long", {"id": "a" * 33}, "$.id", HEX_32),
        ("id in capitals", {"id": "A" * 32}, "$.id", HEX_32),
        ("id before a newline", {"id": "a" * 32 + "\n"}, "$.id", HEX_32),
        ("id as a path", {"id": "a/" * 16}, "$.id", HEX_32),
        ("id a number", {"id": 7}, "$.id", "Expected `str`, got `int`"),
        ("id null", {"id": None}, "$.id", "Expected `str`, got `null`"),
        ("app empty", {"app": ""}, "$.app", APP),
        ("app in capitals", {"app": "Tool"}, "$.app", APP),
        ("app begins with -", {"app": "-tool"}, "$.app", APP),
        ("app too long", {"app": "a" * 65}, "$.app", APP),
        ("app in Arabic digits", {"app": "٣"}, "$.app", APP),
        ("install not hex", {"install": "g" * 32}, "$.install", HEX_32),
        ("time before 1970", {"time": -1}, "$.time", "`int` >= 0"),
        ("time after 9999", {"time": 253_402_300_800_000}, "$.time", "`int` <= 253402300799999"),
        ("time as text", {"time": "2026-01-01"}, "$.time", "Expected `int`, got `str`"),
        ("time a fraction", {"time": 1.5}, "$.time", "Expected `int`, got `float`"),
        ("time true", {"time": True}, "$.time", "Expected `int`, got `bool`"),
        ("time beyond 64 bits", {"time": 10**30}, "$.time", "`int` <= 253402300799999"),
        ("kind unknown", {"kind": "crash"}, "$.kind", "regex '^(run|error)\\\\Z'"),
        ("operation too long", {"operation": "x" * 65}, "$.operation", "length <= 64"),
        ("operation a list", {"operation": ["x"]}, "$.operation", "`str | null`, got `array`"),
        ("solution too long", {"solution": "é" * 65}, "$.solution", "length <= 64"),
        ("outcome", {"outcome": "fine"}, "$.outcome", "regex '^(ok|error|cancelled)\\\\Z'"),
        ("duration below 0", {"duration_ms": -1}, "$.duration_ms", "`int` >= 0"),
        ("duration half", {"duration_ms": 0.5}, "$.duration_ms", "`int | null`, got `float`"),
        ("duration huge", {"duration_ms": MAX_SAFE + 1}, "$.duration_ms", f"<= {MAX_SAFE}"),
        ("ci a number", {"ci": 1}, "$.ci", "Expected `bool`, got `int`"),
        ("dropped below 0", {"dropped": -1}, "$.dropped", "`int` >= 0"),
        ("dropped huge", {"dropped": MAX_SAFE + 1}, "$.dropped", f"<= {MAX_SAFE}"),
        ("metrics a list", {"metrics": []}, "$.metrics", "Expected `object`, got `array`"),
        ("metrics null", {"metrics": None}, "$.metrics", "Expected `object`, got `null`"),
        (
            "33 metrics",
            {"metrics": {f"m{n}": n for n in range(33)}},
            "$.metrics",
            "`object` of length <= 32",
        ),
        ("metric name empty", {"metrics": {"": 1}}, "$.metrics", IDENTIFIER),
        ("metric name with a dot", {"metrics": {"os.name": 1}}, "$.metrics", IDENTIFIER),
        ("metric name a path", {"metrics": {"os/name": 1}}, "$.metrics", IDENTIFIER),
        ("metric name a digit", {"metrics": {"1": 1}}, "$.metrics", IDENTIFIER),
        ("metric name too long", {"metrics": {"a" * 65: 1}}, "$.metrics", IDENTIFIER),
        ("metric null", {"metrics": {"os": None}}, "$.metrics[...]", "got `null`"),
        ("metric a map", {"metrics": {"os": {".sv": "timestamp"}}}, "$.metrics", "got `object`"),
        ("metric a list", {"metrics": {"os": [1]}}, "$.metrics[...]", "got `array`"),
        ("metric text too long", {"metrics": {"os": "x" * 129}}, "$.metrics[...]", "length <= 128"),
        ("metric huge", {"metrics": {"n": MAX_SAFE + 1}}, "$.metrics[...]", f"<= {MAX_SAFE}"),
        ("metric too low", {"metrics": {"n": -MAX_SAFE - 1}}, "$.metrics[...]", f">= -{MAX_SAFE}"),
        ("error in a run", {"error": crash()["error"]}, "`error`", "kind `error`"),
        ("no error in an error", {"kind": "error"}, "`error`", "kind `error`"),
        ("error a text", {"kind": "error", "error": "boom"}, "$.error", "got `str`"),
        ("host name", {"hostname": "ann-laptop"}, "`hostname`", "unknown field"),
        ("received", {"received": 1}, "`received`", "unknown field"),
    )
] + [
    (name, crash(**fields), field, rule)
    for name, fields, field, rule in (
        ("fingerprint short", {"fingerprint": "0" * 15}, "$.error.fingerprint", "[0-9a-f]{16}"),
        ("type too long", {"type": "x" * 257}, "$.error.type", "length <= 256"),
        ("type a number", {"type": 1}, "$.error.type", "Expected `str`, got `int`"),
        ("where too long", {"where": "x" * 257}, "$.error.where", "length <= 256"),
        ("event not hex", {"sentry_event": "z" * 32}, "$.error.sentry_event", "[0-9a-f]{32}"),
        ("message", {"message": "no such file: /home/ann"}, "`message`", "unknown field"),
    )
]


def judged(function: Function, *reports: Any) -> dict[str, Any]:
    """The answer to a batch that is not refused as a whole."""
    answer = requests.post(f"{function.url}/v1/reports", json={"schema": 1, "reports": reports})
    assert answer.status_code == 200, answer.text
    judgement: dict[str, Any] = answer.json()
    return judgement


@pytest.mark.parametrize(
    ("broken", "field", "rule"),
    [case[1:] for case in BROKEN],
    ids=[case[0] for case in BROKEN],
)
def test_a_broken_rule_is_named_and_the_others_are_stored(
    function: Function, database: Database, broken: JsonReport, field: str, rule: str
) -> None:
    first, last, day = report(), report(), today()
    judgement = judged(function, first, broken, last)
    assert judgement["accepted"] == 2
    (rejected,) = judgement["rejected"]
    assert rejected["index"] == 1
    assert field in rejected["reason"]
    assert rule in rejected["reason"]
    held = {key for day in database.days().values() for key in day}
    assert {first["id"], last["id"]} <= held
    assert broken["id"] not in held
    assert day in database.days()


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_field_is_named(function: Function, name: str) -> None:
    reason = f"Object missing required field `{name}`"
    assert judged(function, without(name, report())) == {
        "accepted": 0,
        "rejected": [{"index": 0, "reason": reason}],
    }


@pytest.mark.parametrize("name", ["fingerprint", "type", "where"])
def test_a_missing_field_of_an_error_is_named(function: Function, name: str) -> None:
    whole = crash()
    reason = f"Object missing required field `{name}` - at `$.error`"
    judgement = judged(function, {**whole, "error": without(name, whole["error"])})
    assert judgement["rejected"] == [{"index": 0, "reason": reason}]


@pytest.mark.parametrize("name", OPTIONAL)
def test_null_counts_as_absent(function: Function, database: Database, name: str) -> None:
    sent, day = report(**{name: None}), today()
    assert judged(function, sent) == {"accepted": 1, "rejected": []}
    found = database.find(sent["id"], day=day) or database.find(sent["id"])
    assert found.keys() == {*sent, "received"} - {name}


@pytest.mark.parametrize("junk", [None, 1, "report", [], [report()]])
def test_what_is_no_report_is_refused_by_itself(function: Function, junk: Any) -> None:
    judgement = judged(function, report(), junk)
    assert judgement["accepted"] == 1
    (rejected,) = judgement["rejected"]
    assert rejected["index"] == 1
    assert rejected["reason"].startswith("Expected `object`, got `")


def test_the_longest_of_everything_is_accepted(function: Function) -> None:
    longest = crash(type="t" * 256, where="w" * 256) | {
        "app": "a" * 64,
        "operation": "ü" * 64,
        "solution": "😀" * 64,
        "duration_ms": MAX_SAFE,
        "dropped": MAX_SAFE,
        "metrics": {f"m{n:063}": "😀" * 128 for n in range(32)},
    }
    assert judged(function, longest) == {"accepted": 1, "rejected": []}


def test_a_reason_is_one_short_printable_line(function: Function) -> None:
    judgement = judged(function, report(**{"\x1b[2J\n" + "x" * 5000: 1}))
    reason = judgement["rejected"][0]["reason"]
    assert reason.startswith("Object contains unknown field `")
    assert reason.isprintable()
    assert len(reason) <= 200


def test_text_that_is_not_utf8_is_refused_by_itself(function: Function, database: Database) -> None:
    good = report()
    body = b'{"schema": 1, "reports": [{"id": "\xff\xfe"}, %s]}' % json.dumps(good).encode()
    answer = requests.post(
        f"{function.url}/v1/reports", data=body, headers={"Content-Type": "application/json"}
    )
    rejected = [{"index": 0, "reason": "JSON is not UTF-8"}]
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "rejected": rejected})
    assert good["id"] in {one["id"] for one in database.reports()}
