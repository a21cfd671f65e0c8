"""No answer is larger than those of the hosted database, and all that are not are whole."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path as Folder
from typing import Any

import pytest

from rtdb import app
from rtdb.app import App
from rtdb.commit import Committer
from rtdb.read import View
from rtdb.rules import parse_rules
from rtdb.store import Namespaces, Store, transaction
from rtdb.tree import Tree, draft
from rtdb.write import Writer

RULES = parse_rules(b'{"rules": {"a": {".indexOn": ["n"]}}}')
TREE: dict[str, Tree] = {
    f"k{number:03}": {"n": number, "text": "x" * 1000} for number in range(1000)
}
WITHIN = 1_000_000
"""Bytes of which an answer is within the limit."""


def ask(asked: App, query: str) -> tuple[int, Any]:
    """Status and JSON of the answer to a query of the place /a."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "GET", "raw_path": b"/a.json"} | {
        "query_string": b"ns=x&" + query.encode(),
        "headers": [(b"authorization", b"Bearer owner")],
    }
    asyncio.run(asked(scope, receive, send))
    return sent[0]["status"], json.loads(b"".join(part["body"] for part in sent[1:]))


@pytest.mark.parametrize("held", [0, 200_000, WITHIN])
def test_more_than_the_limit_is_refused_and_all_else_is_whole(
    tmp_path: Folder, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(app, "MAX_RESPONSE", WITHIN)
    monkeypatch.setattr(app, "MOST_HELD", held)
    with contextlib.closing(Store(tmp_path)) as store:
        writer = Writer(View(store.db), Namespaces(store.db, RULES))
        for start in range(0, len(TREE), 100):
            with transaction(store.db):
                members = list(TREE.items())[start : start + 100]
                writer.update("x", [(("a", key), draft(value, 2)) for key, value in members])
        with transaction(store.db):
            writer.catch_up(len(TREE))
        store.db.execute("PRAGMA wal_checkpoint")
        asked = App(store, writer.namespaces, Committer(writer))
        for query in ("", 'orderBy="$key"', 'orderBy="n"', 'orderBy="n"&startAt=10'):
            status, said = ask(asked, query)
            assert (status, said) == (400, {"error": app.TOO_MUCH}), query
        some = dict(list(TREE.items())[:900])
        for query in ('orderBy="$key"', 'orderBy="n"'):
            assert ask(asked, f"{query}&limitToFirst=900") == (200, some)
        monkeypatch.setattr(app, "MAX_RESPONSE", 2 * WITHIN)
        for query in ("", 'orderBy="n"', 'orderBy="n"&startAt=0&limitToFirst=1000'):
            assert ask(asked, query) == (200, TREE)
