"""An event log of another domain: purchases, each imported as a report, counted as visits.

The customers are made here, with the long tail of the public CDNOW data set: 18 months, everyone
comes within the first three, half of them once.
"""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.loop.parts import environment, python
from tests.rtdb.server import running

CUSTOMERS = 23_570
FIRST, AS_OF = date(1997, 1, 1), date(1998, 6, 30)
DAYS = (AS_OF - FIRST).days + 1
MS = 86_400_000

Rows = list[tuple[Any, ...]]


def purchases(seed: int) -> pd.DataFrame:
    """customer, time (ms UTC): each customer's rate is drawn, and who stops altogether."""
    draw = np.random.default_rng(seed)
    start = draw.integers(0, 90, CUSTOMERS)
    rate = draw.gamma(0.55, 0.0199, CUSTOMERS)  # purchases a day
    lifetime = draw.exponential(1 / draw.gamma(0.9, 0.012, CUSTOMERS))  # days
    observed = np.minimum(lifetime, DAYS - 1 - start)
    again = draw.poisson(rate * observed)
    same_day = draw.binomial(2, 0.02, CUSTOMERS)
    customers = np.repeat(np.arange(CUSTOMERS), 1 + again + same_day)
    days = start[customers] + (draw.random(len(customers)) * observed[customers]).astype(int) + 1
    firsts = np.flatnonzero(np.r_[True, customers[1:] != customers[:-1]])
    for nth in range(3):  # the first purchase, and the others of the same day
        place = (firsts + nth)[nth <= same_day]
        days[place] = start[nth <= same_day]
    # Midnight belongs to the day that begins with it; the moment before does not.
    moment = draw.choice([0, 1, MS - 1, -1], len(customers), p=[0.02, 0.01, 0.02, 0.95])
    moment = np.where(moment < 0, draw.integers(0, MS, len(customers)), moment)
    epoch = (FIRST - date(1970, 1, 1)).days
    times = (epoch + np.minimum(days, DAYS - 1)) * MS + moment
    return pd.DataFrame({"customer": customers, "time": times})


def as_lines(log: pd.DataFrame) -> str:
    """A report a purchase, one a line."""
    lines = []
    for number, row in enumerate(log.itertuples()):
        report = {
            "id": hashlib.md5(b"purchase %d" % number).hexdigest(),
            "app": "records",
            "install": hashlib.md5(b"customer %d" % row.customer).hexdigest(),
            "time": int(row.time),
            "kind": "run",
            "metrics": {},
            "ci": False,
            "dropped": 0,
        }
        lines.append(json.dumps(report))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    log = purchases(1997)
    days = log["time"] // MS
    assert 68_000 < len(log) < 72_000
    assert log["customer"].nunique() == CUSTOMERS
    assert 0.4 < (log["customer"].value_counts() == 1).mean() < 0.65
    assert log.assign(day=days).duplicated(["customer", "day"]).sum() > 500
    assert pd.to_datetime(days.min(), unit="D").date() == FIRST
    assert pd.to_datetime(days.max(), unit="D").date() == AS_OF
    return log


@pytest.fixture(scope="module")
def exported(log: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log, imported, synced and exported with the command lines."""
    folder = tmp_path_factory.mktemp("records")
    shuffled = log.sample(frac=1, random_state=1)  # histories come in no order
    (folder / "log.jsonl").write_text(as_lines(shuffled))
    with running(folder / "rtdb") as server:
        env = environment(
            FIREBASE_DATABASE_EMULATOR_HOST=f"{server.host}:{server.port}",
            WALD_WAREHOUSE=str(folder / "warehouse.duckdb"),
        )
        done = python("-m", "ingest", "import", str(folder / "log.jsonl"), env=env)
        assert (done.stdout, done.stderr) == (f"stored {len(log)}, refused 0\n", "")
        done = python("-m", "dashboard", "sync", env=env)
        assert f"synced {len(log)} new reports" in done.stdout, done.stderr
    out = folder / "csv"
    options = ("--out", str(out), "--as-of", AS_OF.isoformat())
    done = python("-m", "dashboard", "export", *options, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return out


@pytest.fixture(scope="module")
def visits(log: pd.DataFrame) -> pd.DataFrame:
    """customer, day, first (its first day), each pair of customer and day once, in order."""
    day = pd.to_datetime(log["time"] // MS, unit="D")
    visits = log.assign(day=day)[["customer", "day"]].drop_duplicates()
    visits = visits.sort_values(["customer", "day"], ignore_index=True)
    visits["first"] = visits.groupby("customer")["day"].transform("min")
    return visits


def read(path: Path) -> Rows:
    """The rows of a file: whole numbers and shares as numbers, blank as None, the rest as text."""
    with path.open(encoding="utf-8", newline="") as file:
        return [tuple(map(_value, row)) for row in list(csv.reader(file))[1:]]


def _value(cell: str) -> Any:
    if not cell:
        return None
    try:
        return float(cell) if "." in cell else int(cell)
    except ValueError:
        return cell


def iso(day: Any) -> str:
    return str(day.date())


EVERY_DAY = pd.date_range(FIRST, AS_OF)


def mondays(days: Any) -> Any:
    return days - pd.to_timedelta(days.dt.day_of_week, unit="D")


def test_new_installs(exported: Path, visits: pd.DataFrame) -> None:
    firsts = visits.drop_duplicates("customer")["day"].value_counts()
    wanted = [(iso(day), int(firsts.get(day, 0))) for day in EVERY_DAY]
    assert read(exported / "new_installs.csv") == wanted
    assert sum(n for _, n in wanted) == CUSTOMERS


def test_active_installs(exported: Path, visits: pd.DataFrame) -> None:
    on = {day: set(rows) for day, rows in visits.groupby("day")["customer"]}
    wanted = []
    for day in EVERY_DAY:
        spans = []
        for span in (1, 7, 30):
            since = [on.get(day - timedelta(days=n), set()) for n in range(span)]
            spans.append(len(set().union(*since)))
        wanted.append((iso(day), *spans))
    assert read(exported / "active_installs.csv") == wanted


def test_one_time(exported: Path, visits: pd.DataFrame) -> None:
    customers = visits.groupby("customer")["day"].agg(["min", "size"])
    early = (customers["size"] == 1) & (customers["min"] > pd.Timestamp(AS_OF) - timedelta(days=30))
    once = (customers["size"] == 1) & ~early
    wanted = []
    for month, of_month in customers.groupby(customers["min"].dt.strftime("%Y-%m")):
        here = of_month.index
        counts = len(here), int(once[here].sum()), int(early[here].sum())
        wanted.append((month, *counts, counts[1] / (counts[0] - counts[2])))
    assert [month for month, *_ in wanted] == ["1997-01", "1997-02", "1997-03"]
    assert read(exported / "one_time.csv") == wanted


def test_retention(exported: Path, visits: pd.DataFrame) -> None:
    weekly = pd.DataFrame(
        {
            "customer": visits["customer"],
            "cohort": mondays(visits["first"]),
            "week": mondays(visits["day"]),
        }
    ).drop_duplicates()
    wanted: Rows = []
    for cohort, members in weekly.groupby("cohort"):
        size = members["customer"].nunique()
        active = members["week"].value_counts()
        for number in range((AS_OF - cohort.date()).days // 7 + 1):
            week = cohort + timedelta(days=7 * number)
            seen = int(active.get(week, 0))
            over = week.date() + timedelta(days=6) <= AS_OF
            told = (seen, seen / size) if over else (None, None)
            wanted.append((iso(cohort), size, number, *told))
    assert read(exported / "retention.csv") == wanted
    assert len({cohort for cohort, *_ in wanted}) == 14
    assert [row[3] for row in wanted].count(None) == 14  # 30 June 1998 was a Tuesday


def test_lifecycle(exported: Path, visits: pd.DataFrame) -> None:
    weeks = mondays(visits["day"])
    active = {week: set(rows) for week, rows in visits.groupby(weeks)["customer"]}
    wanted: Rows = []
    before: set[int] = set()
    ever: set[int] = set()
    for week in pd.date_range(min(active), AS_OF, freq="7D"):
        now = active.get(week, set())
        known = now & ever
        counts = len(now - ever), len(known & before), len(known - before), len(before - now)
        wanted.append((iso(week), *counts))
        before, ever = now, ever | now
    assert read(exported / "lifecycle.csv") == wanted


def test_what_the_log_does_not_say_is_told_as_unknown(exported: Path) -> None:
    assert read(exported / "os_spread.csv") == [("unknown", "unknown", CUSTOMERS, 1)]
    assert read(exported / "solution_deployments.csv") == []
    assert read(exported / "error_impact.csv") == []
    assert read(exported / "left_after_error.csv") == []
    assert {path.name for path in exported.iterdir() if "metric" in path.name} == set()


def test_every_purchase_is_as_new_as_it_says(log: pd.DataFrame, visits: pd.DataFrame) -> None:
    """The plain computation itself: a day is that of UTC, by the calendar."""
    some = log.iloc[:: len(log) // 200]
    days = {(row.customer, row.day.date()) for row in visits.itertuples()}
    for row in some.itertuples():
        assert (row.customer, datetime.fromtimestamp(row.time / 1000, UTC).date()) in days
