"""The warehouse's first load and its refresh, beside bare reads of the same bytes.

`python -m bench.sync` fills rtdb with `BENCH_SYNC_REPORTS` (a million by default; ten million take
twelve minutes and 16 GB), loads them, and refreshes after 10,000 more. With
`BENCH_SYNC_HELD=10000000` it also refreshes a warehouse that was made by merging generated columns,
see `bench.analysis.filled`, while rtdb holds only the new reports: the sync asks for the days it
does not know, as it would there. `BENCH_ANALYSIS_FOLDER` keeps that warehouse for next time.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import duckdb

from bench._reports import DAYS, arrive, draw
from bench.analysis import copied, filled
from bench.rtdb import database, row
from dashboard.arrival_days import LARGER, PAGE
from dashboard.load import loading
from dashboard.warehouse import Warehouse
from ingest.store import Store

ROOT = Path(__file__).resolve().parents[1]
REPORTS = int(os.environ.get("BENCH_SYNC_REPORTS", "1000000"))
HELD = int(os.environ.get("BENCH_SYNC_HELD", "0"))
NEW = 10_000
BATCH = 500

# As the database sends it; null stands for nothing there.
_STORED = """
SELECT day, key, to_json({
    id: key, app: app, install: replace(pseudonym::VARCHAR, '-', ''), time: time, kind: kind,
    operation: operation, solution: solution, outcome: outcome, duration_ms: duration_ms,
    metrics: metrics::JSON, ci: ci, dropped: dropped, received: received,
    error: CASE WHEN kind = 'error' THEN {
        fingerprint: fingerprint, type: error_type, "where": error_where,
        sentry_event: sentry_event
    } END
}) FROM (SELECT *, replace(id::VARCHAR, '-', '') AS key FROM arrived) ORDER BY day
"""


def main() -> None:
    """Print the figures; about three minutes for a million reports."""
    print(f"{'sync':42} {'measured':>14}   budget and yardstick")
    with tempfile.TemporaryDirectory() as folder:
        first_load(Path(folder))
    if HELD:
        kept = os.environ.get("BENCH_ANALYSIS_FOLDER")
        with tempfile.TemporaryDirectory(dir=kept) as folder:
            refresh_of_many(Path(kept or folder), Path(folder))


def first_load(folder: Path) -> None:
    """Load all, and refresh."""
    with open(folder / "all.json", "w") as file:
        write_namespace(file)
    words = ["rtdb", "import", "--data", str(folder / "rtdb"), "--ns", "bench"]
    subprocess.run([sys.executable, "-m", *words, file.name], cwd=ROOT, check=True)
    with database(folder / "rtdb") as (port, _):
        url = f"http://127.0.0.1:{port}/?ns=bench"
        size, bare = read_bare(url)
        loaded = load(url, folder / "warehouse.duckdb")
        rate = loaded["new"] / loaded["seconds"]
        row(f"first load of {loaded['new']:,}", f"{rate:,.0f}/s", "≥ 100,000/s")
        row("", f"{loaded['new'] / bare:,.0f}/s", f"bare reads, {size / bare / 1e6:,.0f} MB/s")
        row("memory at its most", f"{loaded['peak'] / 1e6:,.0f} MB", "< 1,000 MB")
        again = load(url, folder / "warehouse.duckdb")
        row("refresh after nothing new", f"{again['seconds']:.2f} s", bytes_read(again))
        add_new(url)
        refreshed = load(url, folder / "warehouse.duckdb")
        row(f"refresh after {refreshed['new']:,} new", f"{refreshed['seconds']:.2f} s", "< 2 s")
        row("", "", bytes_read(refreshed))


def refresh_of_many(kept: Path, folder: Path) -> None:
    """Refresh a warehouse that holds many, made without a database."""
    path = folder / "many.duckdb"
    copied(filled(HELD, kept), path)
    with database(folder / "rtdb") as (port, _):
        url = f"http://127.0.0.1:{port}/?ns=bench"
        with duckdb.connect(path) as connection:
            source = Store.connect({"FIREBASE_DATABASE_URL": url}).source
            connection.execute("UPDATE about SET source = ?", [source])
        with loading(Warehouse(path), source, wait=True):
            pass  # it is taken for what it is, and not built anew
        add_new(url)
        refreshed = load(url, path)
    what = f"the same with about {HELD:,} held"
    row(what, f"{refreshed['seconds']:.2f} s", f"< 2 s, {refreshed['new']:,} new")
    row("", f"{refreshed['peak'] / 1e6:,.0f} MB", f"at its most; {bytes_read(refreshed)}")


def bytes_read(done: dict[str, Any]) -> str:
    """How much a sync read, and of how many new reports."""
    return f"{done['bytes'] / 1e6:.2f} MB read from the database for {done['new']:,} new reports"


def write_namespace(file: IO[str]) -> None:
    """Write reports of two years as rtdb imports them, under the day of their time."""
    with duckdb.connect() as connection:
        draw(connection, REPORTS)
        arrive(connection, 0, DAYS)
        rows = connection.execute(_STORED)
        last = None
        file.write('{"reports":{')
        while some := rows.fetchmany(10_000):
            for day, key, text in some:
                lead = "," if day == last else f'{"}," if last else ""}"{day}":{{'
                file.write(f'{lead}"{key}":{text}')
                last = day
        file.write("}}}")


def read_bare(url: str) -> tuple[int, float]:
    """Read all days, each at once, and do nothing with them: bytes and seconds."""
    store = Store.connect({"FIREBASE_DATABASE_URL": url})
    days = store.days(0)
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    owner = {"Authorization": "Bearer owner"}
    query = f'ns=bench&orderBy="received"&startAt=0&limitToFirst={LARGER * PAGE}'
    started, size = time.perf_counter(), 0
    for day in days:
        connection.request("GET", f"/reports/{day}.json?{query}", headers=owner)
        size += len(connection.getresponse().read())
    return size, time.perf_counter() - started


def add_new(url: str) -> None:
    """Let new reports arrive today."""
    store = Store.connect({"FIREBASE_DATABASE_URL": url})
    with duckdb.connect() as connection:
        draw(connection, 100 * NEW, seed=1)
        arrive(connection, DAYS - 7, DAYS, at_most=NEW)
        reports = [json.loads(text) for _, _, text in connection.execute(_STORED).fetchall()]
    for report in reports:
        del report["received"]
        for name in [name for name, value in report.items() if value is None]:
            del report[name]
    for start in range(0, len(reports), BATCH):
        store.add(reports[start : start + BATCH], arrived=datetime.now(UTC))


def load(url: str, path: Path) -> dict[str, Any]:
    """Sync in a process of its own; see `bench._load`."""
    words = [sys.executable, "-m", "bench._load", url, str(path)]
    done = subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    main()
