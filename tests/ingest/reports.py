"""Reports to send: valid ones by the contract, one at a time or drawn by hypothesis."""

from __future__ import annotations

import secrets
import time
from typing import Any

from hypothesis import strategies as st

JsonReport = dict[str, Any]

MAX_SAFE = 2**53 - 1


def report(**fields: Any) -> JsonReport:
    """A valid run report of a new install, with these fields changed."""
    return {
        "id": secrets.token_hex(16),
        "app": "logtally",
        "install": secrets.token_hex(16),
        "time": time.time_ns() // 1_000_000,
        "kind": "run",
        "metrics": {"os": "Linux", "package_version": "1.0.0"},
        "ci": False,
        "dropped": 0,
        **fields,
    }


def crash(**fields: Any) -> JsonReport:
    """A valid error report, with these fields of its `error` changed."""
    error = {"fingerprint": "0123456789abcdef", "type": "KeyError", "where": "tally:count"}
    return report(kind="error", error={**error, **fields})


def without(name: str, whole: JsonReport) -> JsonReport:
    """The report less one field."""
    return {key: value for key, value in whole.items() if key != name}


def _hex(digits: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=digits // 2, max_size=digits // 2).map(bytes.hex)


def _text(most: int) -> st.SearchStrategy[str]:
    """Any text a JSON reader takes: lone surrogates are none."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=most)


_VALUES = st.one_of(
    _text(128),
    st.booleans(),
    st.integers(-MAX_SAFE, MAX_SAFE),
    st.floats(allow_nan=False, allow_infinity=False),
)

_ERRORS = st.fixed_dictionaries(
    {"fingerprint": _hex(16), "type": _text(256), "where": _text(256)},
    optional={"sentry_event": _hex(32)},
)

_COUNTS = st.integers(0, MAX_SAFE)


def _fields(**kind: st.SearchStrategy[Any]) -> st.SearchStrategy[JsonReport]:
    now = time.time_ns() // 1_000_000
    return st.fixed_dictionaries(
        {
            "id": _hex(32),
            "app": st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True),
            "install": _hex(32),
            "time": st.integers(now - 30 * 86_400_000, now),
            "metrics": st.dictionaries(
                st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,63}", fullmatch=True), _VALUES, max_size=32
            ),
            "ci": st.booleans(),
            "dropped": _COUNTS,
            **kind,
        },
        optional={
            "operation": _text(64),
            "solution": _text(64),
            "outcome": st.sampled_from(["ok", "error", "cancelled"]),
            "duration_ms": _COUNTS,
        },
    )


valid_reports = st.one_of(
    _fields(kind=st.just("run")), _fields(kind=st.just("error"), error=_ERRORS)
)
"""Every report that keeps to the contract, with a time that no clock would contradict."""
