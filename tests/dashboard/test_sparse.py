"""Every page of a project about which next to nothing is known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.warehouse import Warehouse
from ingest.store import Store
from tests.dashboard.histories import fill
from tests.rtdb.server import Server, running

PAGES = ("overview", "adoption", "platforms", "solutions", "one_time", "errors")
DAY_MS = 86_400_000
ERROR = {"fingerprint": "f" * 16, "type": "E", "where": "m:f"}


def report(days_ago: float, **fields: Any) -> dict[str, Any]:
    when = int(time.time() * 1000 - days_ago * DAY_MS)
    base = {"id": "0" * 32, "app": "tool", "install": "1" * 32, "time": when, "received": when}
    return {**base, "kind": "run", **fields}


PROJECTS = {
    "one run, of which nothing is told": [report(0)],
    "only runs by a CI service": [report(2, ci=True, solution="x")],
    "one error long ago": [report(400, kind="error", error=ERROR)],
    "one error yesterday": [report(1, kind="error", error=ERROR)],
    "one deployment without an operation": [report(3, solution="x")],
    "two runs a year apart": [report(380), report(10, id="2" * 32)],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("rtdb")) as server:
        yield server


@pytest.mark.parametrize("reports", PROJECTS.values(), ids=PROJECTS)
def test_every_page_can_be_drawn(
    reports: list[dict[str, Any]],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {
        "FIREBASE_DATABASE_URL": f"{server.url}/?ns={tmp_path.name.replace('_', '-')}",
        "WALD_WAREHOUSE": str(tmp_path / "warehouse.duckdb"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    fill(warehouse, reports, Store.connect(settings).source)
    for page in PAGES:
        for query in ({}, {"period": "all time"}, {"period": "last 30 days"}):
            script = AppTest.from_string(
                f"from dashboard.views import {page}\n"
                "from dashboard.views.frame import open_view\n"
                f"{page}.show(open_view())\n",
                default_timeout=60,
            )
            for name, value in query.items():
                script.query_params[name] = value
            script.run()
            assert [failure.value for failure in script.exception] == [], (page, query)
            assert not script.error, (page, query)
            assert len(script.selectbox) >= 1
