"""The loop, run once: what the households did, and the database and warehouse it ended in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests import browser
from tests.loop import parts
from tests.loop.homes import Lived, live
from tests.loop.page import Page, opened
from tests.loop.parts import environment, ingest, keys, python
from tests.loop.tables import Tables
from tests.patience import until
from tests.rtdb.server import running

PATIENCE = 120.0
"""Seconds for the last report to arrive; senders work on after the tools have ended."""


@dataclass(frozen=True)
class Loop:
    """Everything was reported, stored and synced."""

    lived: list[Lived]
    today: date
    database: str
    """Its host and port."""
    env: dict[str, str]
    """Of the dashboard."""

    def tables(self, as_of: date, last_day: date) -> Tables:
        """What must be in the tables as of a day."""
        counted = [one for one in self.lived if not (one.household.refused or one.household.ci)]
        return Tables(counted, self.today, as_of, last_day)

    def default_tables(self) -> Tables:
        """What must be in them where no day was chosen: yesterday is the last complete one."""
        return self.tables(self.today - timedelta(days=1), self.today)

    def export(self, out: Path, *options: str) -> Path:
        """Export everything with the command line; returns the folder."""
        done = python("-m", "dashboard", "export", "--out", str(out), *options, env=self.env)
        assert (done.returncode, done.stderr) == (0, "")
        return out


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """Run the tools in all homes, wait for their reports, sync."""
    folder = tmp_path_factory.mktemp("loop")
    with running(folder / "rtdb") as server:
        database = f"{server.host}:{server.port}"
        with ingest(database, folder / "ingest.log") as endpoint:
            today = _day_with_room()
            lived = live(folder, endpoint)
            _await_reports(server.url, today, sum(one.household.reports for one in lived))
            assert datetime.now(UTC).date() == today, "the runs went on past midnight (UTC)"
        env = environment(
            FIREBASE_DATABASE_EMULATOR_HOST=database, WALD_WAREHOUSE=str(folder / "w.duckdb")
        )
        done = python("-m", "dashboard", "sync", env=env)
        assert (done.returncode, done.stderr) == (0, "")
        yield Loop(lived, today, database, env)


@pytest.fixture(scope="session")
def address(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the dashboard of it."""
    log = tmp_path_factory.mktemp("dashboard") / "log"
    with parts.dashboard(log, loop.env) as url:
        yield url
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A tab of a browser, which the tests of a file share; one process runs one browser."""
    with browser.launched() as chromium, opened(chromium) as page:
        yield page


def _day_with_room() -> date:
    """Today, UTC; where it ends within minutes, tomorrow: all runs must fall on one day."""
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
    if midnight - now < timedelta(minutes=8):
        time.sleep((midnight - now).total_seconds() + 1)
    return datetime.now(UTC).date()


def _await_reports(url: str, day: date, expected: int) -> None:
    until(lambda: len(keys(url, f"reports/{day}")) >= expected, PATIENCE)
    time.sleep(1)  # one too many would come about now, too
    arrived = len(keys(url, f"reports/{day}"))
    assert arrived == expected, f"{arrived} reports arrived; {expected} were to"
