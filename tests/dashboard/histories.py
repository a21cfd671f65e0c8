"""Random lives of installs, as reports; and a warehouse that holds them."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from dashboard.analysis.history import History
from dashboard.analysis.scope import Scope
from dashboard.load import loading
from dashboard.warehouse import Warehouse

APP = "tool"
FIRST = date(2026, 1, 1)
DAY_MS = 86_400_000
LATE = DAY_MS
"""Later than that is late."""
ERRORS = [("a" * 16, "ValueError", "m:f"), ("b" * 16, "OSError", "m:g")]


def ms(day: date, milliseconds: int = 0) -> int:
    """Milliseconds since 1970 of a moment of a day, UTC."""
    start = datetime.combine(day, datetime.min.time(), UTC)
    return int(start.timestamp()) * 1000 + milliseconds


def random_reports(seed: int, *, installs: int, days: int) -> list[dict[str, Any]]:
    """Reports with gaps, ties at midnight, clocks that jump, late ones, CI, own metrics, missing
    values and errors; in no order."""
    draw = random.Random(seed)
    reports: list[dict[str, Any]] = []
    for _ in range(installs):
        install = f"{draw.getrandbits(128):032x}"
        day = draw.randrange(days)
        ci = draw.random() < 0.1
        while day < days:
            for _ in range(draw.choice((1, 1, 2, 3))):
                jump = draw.choice((-40, -1, 1, 40)) if draw.random() < 0.02 else 0
                when = ms(
                    FIRST + timedelta(days=day + jump),
                    draw.choice((0, 1, 86_399_999, 40_000_000)),
                )
                reports.extend(_event(draw, install, when, ci and draw.random() < 0.7))
            day += draw.choice((1, 1, 1, 2, 3, 6, 7, 8, 14, 20, 29, 30, 31, 32, 60, 1000))
    draw.shuffle(reports)
    return reports


def _event(draw: random.Random, install: str, when: int, ci: bool) -> Iterator[dict[str, Any]]:
    metrics: dict[str, Any] = {"os": draw.choice(("Linux", "Linux", "Darwin"))}
    if draw.random() < 0.9:
        metrics |= {"os_version": draw.choice(("12", "13")), "package_version": "1.0"}
    if draw.random() < 0.3:
        metrics |= {"package_version": "1.1", "hosts": draw.randrange(3)}
    base = {"app": APP, "install": install, "time": when, "metrics": metrics, "ci": ci}
    base |= {"dropped": draw.choice((0, 0, 0, 0, 1, 7))}
    base |= {"received": when + draw.choice((0, 0, 0, LATE - 1, LATE, LATE + 1, 9 * LATE))}
    run = {**base, "id": f"{draw.getrandbits(128):032x}", "kind": "run"}
    if draw.random() < 0.8:
        run |= {"operation": draw.choice(("init", "install", "test"))}
        run |= {"outcome": draw.choice(("ok", "ok", "ok", "error", "cancelled"))}
        run |= {"solution": draw.choice(("clamav", "teler"))} if draw.random() < 0.7 else {}
        run |= {"duration_ms": draw.randrange(90_000)} if draw.random() < 0.8 else {}
    yield run
    if draw.random() < 0.25:
        fingerprint, kind, where = draw.choice(ERRORS)
        error = {"fingerprint": fingerprint, "type": kind, "where": where}
        base |= {"solution": draw.choice(("teler", "wazuh"))} if draw.random() < 0.5 else {}
        yield {**base, "id": f"{draw.getrandbits(128):032x}", "kind": "error", "error": error}


def without_received(report: Mapping[str, Any]) -> dict[str, Any]:
    """A report as it is sent: when it is received is for the database to say."""
    return {name: value for name, value in report.items() if name != "received"}


@contextmanager
def history_of(
    reports: Iterable[Mapping[str, Any]],
    as_of: date,
    last_day: date,
    *,
    app: str = APP,
    **chosen: Any,
) -> Iterator[History]:
    """A warehouse file that holds these reports, and the app's history in it."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(Path(folder) / "warehouse.duckdb")
        reports = list(reports)
        fill(warehouse, reports)
        days = [report["time"] // DAY_MS for report in reports if report["app"] == app]
        last_report = date(1970, 1, 1) + timedelta(days=max(days)) if days else None
        with warehouse.reading() as snapshot:
            scope = Scope(app, as_of, last_day, last_report=last_report, **chosen)
            yield History(scope, snapshot.table)


def fill(warehouse: Warehouse, reports: Iterable[Mapping[str, Any]], source: str = "test") -> int:
    """Take reports into a warehouse, as if the database had them; returns how many were new."""
    stored = ({"received": report["time"], **report} for report in reports)
    with loading(warehouse, source, wait=True) as load:
        load.add(map(msgspec.json.encode, stored))
        return load.finish()


# Much is numbered as it comes, so what the numbers stand for is compared.
_PROFILED = """(
    SELECT * EXCLUDE (install, profile)
    FROM {} JOIN installs USING (install, app) JOIN profiles USING (profile)
)"""
_PLACED = f"""(
    SELECT * EXCLUDE (point, bundle, call)
    FROM {_PROFILED} JOIN points USING (point) LEFT JOIN bundles USING (bundle)
        LEFT JOIN calls USING (call)
)"""
_DEPLOYED = f"(SELECT * EXCLUDE (task) FROM {_PROFILED} JOIN tasks USING (task))"
_TABLES = {
    "reports": f"""(
        SELECT * EXCLUDE (call, failure)
        FROM {_PROFILED.format("reports")} JOIN calls USING (call)
            LEFT JOIN failures USING (failure)
    )""",
    "visits": _PLACED.format("visits"),
    "visits_ci": _PLACED.format("visits_ci"),
    "exposures": _PLACED.format("exposures"),
    "exposures_ci": _PLACED.format("exposures_ci"),
    "cells": "(SELECT * EXCLUDE (point) FROM cells JOIN points USING (point))",
    "pauses": "pauses",
    "activity": "activity",
    "told": "(SELECT * EXCLUDE (profile) FROM told JOIN profiles USING (profile))",
    "bundled": "(SELECT * EXCLUDE (bundle) FROM bundled LEFT JOIN bundles USING (bundle))",
    "losses": "losses",
    "attempts": "(SELECT * EXCLUDE (task) FROM attempts JOIN tasks USING (task))",
    "arrivals": "arrivals",
    "deployments": _DEPLOYED.format("deployments"),
    "deployments_ci": _DEPLOYED.format("deployments_ci"),
    "profiles": "(SELECT * EXCLUDE (profile) FROM profiles)",
    "calls": "(SELECT * EXCLUDE (call) FROM calls)",
    "failures": "(SELECT * EXCLUDE (failure) FROM failures)",
    "installs": "(SELECT * EXCLUDE (install) FROM installs)",
    "adoptions": "(SELECT * EXCLUDE (install) FROM adoptions JOIN installs USING (install, app))",
    "journeys": "(SELECT * EXCLUDE (install) FROM journeys JOIN installs USING (install, app))",
    "several_os": "(SELECT app, pseudonym FROM several_os JOIN installs USING (install))",
}


def contents(warehouse: Warehouse) -> dict[str, list[Any]]:
    """The rows of every table of a warehouse that is read by analyses, in a fixed order."""
    with warehouse.reading() as snapshot:
        return {
            name: sorted(snapshot.connection.raw_sql(f"FROM {rows}").fetchall(), key=repr)
            for name, rows in _TABLES.items()
        }
