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
from dashboard.warehouse import Warehouse
from ingest.store import StoredReport

APP = "tool"
FIRST = date(2026, 1, 1)
LATE = 86_400_000
"""A day, in ms: later than that is late."""
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
                reports.extend(_event(draw, install, when, ci))
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
        yield {**base, "id": f"{draw.getrandbits(128):032x}", "kind": "error", "error": error}


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
        with warehouse.replacing("test", wait=True) as replacement:
            stored = [{"received": report["time"], **report} for report in reports]
            replacement.add(msgspec.convert(stored, list[StoredReport]))
            replacement.publish()
        snapshot = warehouse.read()
        scope = Scope(app, as_of, last_day, **chosen)
        yield History(scope, snapshot.table)
        snapshot.connection.disconnect()
