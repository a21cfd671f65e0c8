"""Group commit: what waits for its index entries while writes never end."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from pathlib import Path as Folder

import pytest

from rtdb import commit
from rtdb.commit import Committer
from rtdb.keys import Path
from rtdb.read import View
from rtdb.rules import parse_rules
from rtdb.store import Namespaces, Store
from rtdb.tree import Draft, draft
from rtdb.write import Writer

RULES = parse_rules(b'{"rules": {"a": {".indexOn": ["n"]}}}')


@pytest.mark.parametrize("rows", [1, 30])
def test_index_entries_wait_for_a_pause_but_not_without_end(
    tmp_path: Folder, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    most, at_once = 300, 50
    monkeypatch.setattr(commit, "CATCH_UP_ROWS", most)
    monkeypatch.setattr(commit, "ENTRY_ROWS", at_once)

    async def run(writer: Writer) -> list[int]:
        committer = Committer(writer)
        running = asyncio.create_task(committer.run())
        lags = []
        for start in range(0, 900, rows):
            drafts: list[tuple[Path, Draft]] = [
                (("a", f"k{number}"), draft({"n": number}, 2))
                for number in range(start, start + rows)
            ]
            await committer.submit(partial(Writer.update, name="x", drafts=drafts), weight=rows)
            lags.append(committer.lag)
        while committer.lag:  # it catches up when nobody writes
            await asyncio.sleep(0.01)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        return lags

    with contextlib.closing(Store(tmp_path)) as store:
        lags = asyncio.run(run(Writer(View(store.db), Namespaces(store.db, RULES))))
        assert most - at_once < max(lags) < most + at_once + rows
        assert store.db.execute("SELECT count(*) FROM entry").fetchone() == (900,)
