"""A database that is away: 503, nothing taken, and all is well once it is back."""

from __future__ import annotations

from pathlib import Path

import requests

from tests.ingest.database import Database
from tests.ingest.function import Function, serving
from tests.ingest.reports import JsonReport, report
from tests.rtdb.server import Server, running


def post(function: Function, *reports: JsonReport) -> requests.Response:
    """Send one batch."""
    return requests.post(f"{function.url}/v1/reports", json={"schema": 1, "reports": reports})


def assert_unavailable(answer: requests.Response) -> None:
    """The answer tells a client to keep its reports, for a whole number of seconds at least."""
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    sentence = "the database does not answer; keep the reports and send them later"
    assert answer.json() == {"error": sentence}


def ids(database: Database) -> list[str]:
    """The id of every stored report, as often as it is stored."""
    return sorted(one["id"] for one in database.reports())


def on_install(number: int) -> JsonReport:
    """A report whose install's first 8 hex digits are this number."""
    return report(install=f"{number:08x}" + "0" * 24)


def test_the_function_outlives_its_database(tmp_path: Path) -> None:
    before, during, after = report(), report(), report()
    with running(tmp_path) as server:
        database = Database.on(server, "outage")
        with serving(database.url) as function:
            assert post(function, before).json() == {"accepted": 1, "rejected": []}
            server.kill()
            assert_unavailable(post(function, during))
            assert_unavailable(requests.get(f"{function.url}/healthz"))
            with running(tmp_path, port=server.port):
                assert ids(database) == [before["id"]]
                assert requests.get(f"{function.url}/healthz").status_code == 200
                assert post(function, after, during).json() == {"accepted": 2, "rejected": []}
                assert ids(database) == sorted(one["id"] for one in (before, during, after))
            assert "Traceback" not in function.said()
            assert f"The database at {server.url} does not answer" in function.said()


def test_the_function_starts_before_its_database(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        database = Database.on(server, "late")
        server.kill()
        with serving(database.url) as function:
            assert_unavailable(requests.get(f"{function.url}/healthz"))
            # What needs no database is answered all the same.
            assert post(function, {}).json()["accepted"] == 0
            sent = report()
            assert_unavailable(post(function, sent))
            with running(tmp_path, port=server.port):
                assert post(function, sent).json() == {"accepted": 1, "rejected": []}
                assert ids(database) == [sent["id"]]


def test_one_of_two_databases_away_loses_and_doubles_nothing(local: Server, tmp_path: Path) -> None:
    with running(tmp_path) as server:
        shards = Database.on(local, "stays"), Database.on(server, "goes")
        even, odd = on_install(2), on_install(3)
        with serving(f"{shards[0].url},{shards[1].url}") as function:
            server.kill()
            assert_unavailable(requests.get(f"{function.url}/healthz"))
            assert_unavailable(post(function, odd, even))
            assert post(function, even).json() == {"accepted": 1, "rejected": []}
            with running(tmp_path, port=server.port):
                assert post(function, odd, even).json() == {"accepted": 2, "rejected": []}
                assert ids(shards[0]) == [even["id"]]
                assert ids(shards[1]) == [odd["id"]]


def test_a_killed_function_has_stored_what_it_acknowledged(tmp_path: Path, local: Server) -> None:
    database = Database.on(local, "killed")
    reports = [report() for _ in range(30)]
    with serving(database.url) as function:
        for one in reports:
            assert post(function, one).json()["accepted"] == 1
        function.kill()
    assert ids(database) == sorted(one["id"] for one in reports)
