"""What waits for a database is bounded as soon as it is read, and taken whole or not at all."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from starlette.requests import Request

from ingest import commit, main
from ingest.body import Full
from ingest.connection import SettingError
from ingest.counts import Counts
from ingest.intake import Intake
from ingest.marks import Marks
from ingest.store import Store
from tests.ingest.database import Database
from tests.ingest.reports import JsonReport, report
from tests.rtdb.server import Server


class SlowMarks(Marks):
    """Marks that a database is long in telling."""

    told: asyncio.Event

    async def fresh(self) -> None:
        await self.told.wait()


def intake(store: Store, marks: type[Marks] = Marks) -> Intake:
    """The way reports take into these databases."""
    known = [marks(store, shard) for shard in range(len(store.shards))]
    return Intake(store, known, None, Counts(io.StringIO()))


def body(*reports: JsonReport) -> bytes:
    """The body of a request."""
    return json.dumps({"schema": 1, "reports": reports}).encode()


def test_who_waits_to_learn_who_was_forgotten_takes_room(
    local: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.on(local, "waiting")
    monkeypatch.setattr(commit, "MAX_WAITING_BYTES", 600)
    sent = [report(solution="x" * 60) for _ in range(3)]

    async def run() -> None:
        SlowMarks.told = asyncio.Event()
        taking = intake(Store.connect({"FIREBASE_DATABASE_URL": database.url}), SlowMarks)
        waiting = [asyncio.create_task(taking.take(body(one), "")) for one in sent[:2]]
        await asyncio.sleep(0)
        with pytest.raises(Full):
            taking.check_room()
        with pytest.raises(Full):
            await taking.take(body(sent[2]), "")
        SlowMarks.told.set()
        assert [(await one).accepted for one in waiting] == [1, 1]
        taking.check_room()
        assert (await taking.take(body(sent[2]), "")).accepted == 1

    asyncio.run(run())
    assert {one["id"] for one in database.reports()} == {one["id"] for one in sent}


def test_what_one_database_has_no_room_for_is_not_begun_in_another(local: Server) -> None:
    shards = Database.on(local, "has-room"), Database.on(local, "has-none")
    reports = [report(install=f"{number:08x}" + "0" * 24) for number in (2, 3)]

    async def run() -> None:
        urls = ",".join(shard.url for shard in shards)
        taking = intake(Store.connect({"FIREBASE_DATABASE_URL": urls}))
        taking._committers[1].enter(commit.MAX_WAITING_BYTES)
        with pytest.raises(Full):
            await taking.take(body(*reports), "")
        assert (await taking.take(body(reports[0]), "")).accepted == 1
        taking._committers[1].leave(commit.MAX_WAITING_BYTES)
        assert (await taking.take(body(reports[1]), "")).accepted == 1

    asyncio.run(run())
    assert [[one["id"] for one in shard.reports()] for shard in shards] == [
        [one["id"]] for one in reports
    ]


def test_settings_that_turn_wrong_are_answered_as_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_service() -> None:
        raise SettingError("the key was taken away")

    monkeypatch.setattr(main, "_service", no_service)
    request = Request({"type": "http", "method": "POST", "path": "/v1/reports", "headers": []})
    answer = asyncio.run(main.ingest(request))
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
