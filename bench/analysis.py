"""The analysis beside pandas and beside DuckDB, both on the raw table, and how it grows.

`python -m bench.analysis` prints, for each size, the time of every table and of each page's tables
together, warm. `BENCH_ANALYSIS_REPORTS` names sizes (`1000000,3000000,10000000`; the last takes
some ten minutes and 3 GB); `BENCH_ANALYSIS_FOLDER` keeps the warehouses for the next time.
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from bench import _raw
from bench._reports import APP, DAYS, FIRST, STEPS, arrive, draw
from dashboard import engine, tables
from dashboard.analysis import (
    arrivals,
    choices,
    one_error,
    one_time,
    platforms,
    recent,
    solutions,
    survival,
)
from dashboard.analysis.apps import apps
from dashboard.analysis.clean_visits import clean_visits
from dashboard.analysis.engines import as_frame, frame_of
from dashboard.analysis.fates import error_fates
from dashboard.analysis.headline import headline
from dashboard.analysis.history import History
from dashboard.analysis.releases import releases
from dashboard.analysis.scope import Scope
from dashboard.analysis.told_metrics import told_metrics
from dashboard.analysis.won_back import won_back, won_back_versions
from dashboard.merge import merge
from dashboard.schema import SCHEMA
from dashboard.warehouse import SCHEMA_VERSION, Snapshot, Warehouse

SIZES = [int(size) for size in os.environ.get("BENCH_ANALYSIS_REPORTS", "1000000").split(",")]
LAST = FIRST + timedelta(days=DAYS - 1)
QUARTER = {"since": LAST - timedelta(days=89), "until": LAST}
NEW_SCOPE = "OS, new"
"""What nobody asked for yet, so that Ibis has to write every question."""

SCOPES: dict[str, dict[str, Any]] = {
    "all": {"until": LAST},
    "90 days": QUARTER,
    "version": {"until": LAST, "versions": ("1.10",)},
    "OS": {"until": LAST, "systems": ("Linux",)},
    NEW_SCOPE: {"until": LAST, "systems": ("Linux",)},
    "90 d, OS": {**QUARTER, "systems": ("Linux",)},
    "solution": {"until": LAST, "solutions": ("fail2ban",)},
    "metric": {"until": LAST, "metrics": (("backend", ("docker",)),)},
    "CI": {"until": LAST, "ci": True},
}
BUDGET = {name: 500 if name in ("all", "90 days") else 1500 for name in SCOPES}
"""Of all tables of a page together, ms."""

MOST_FREQUENT = f"{4096:016x}"
"""The fingerprint of the error that most installs meet."""

REPEATS = 3
NEW = 10_000

Ask = Callable[[History], Any]


def _table(name: str) -> Ask:
    return lambda history: tables.table(name).frame(history, None)


def _analysis(analysis: Callable[[History], Any]) -> Ask:
    return lambda history: frame_of(analysis, history)


def _survival(history: History) -> object:
    sample = survival.matched_sample(history, MOST_FREQUENT)
    return survival.survival(sample), survival.log_rank(sample)


def _headline(*, before: bool = False) -> Ask:
    """Of the period, or of as many days before it; of all time, of its last half."""

    def ask(history: History) -> object:
        since = history.scope.since or FIRST + timedelta(days=DAYS // 2)
        until = LAST
        if before:
            since, until = since - (until - since) - timedelta(days=1), since - timedelta(days=1)
        return frame_of(headline, history.within(since, until))

    return ask


def _of_one_error(analysis: Callable[[History, str], Any]) -> Ask:
    return lambda history: frame_of(analysis, history, MOST_FREQUENT)


# What the pages ask, in their order.
PAGES: dict[str, dict[str, Ask]] = {
    "every page": {
        "apps": lambda history: as_frame(apps(history.stored)),
        "versions": _analysis(choices.versions),
        "systems": _analysis(choices.systems),
        "solutions": _analysis(choices.solutions),
        "metrics": _analysis(choices.metric_choices),
    },
    "overview": {
        "headline": _headline(),
        "headline before": _headline(before=True),
        "new_installs": _table("new_installs"),
        "active_installs": _table("active_installs"),
        "one_time_shares": _analysis(one_time.one_time_shares),
        "clean_visits": _analysis(clean_visits),
        "releases": _analysis(releases),
        "error_interval": _table("error_interval"),
        "version_shifts": _analysis(recent.version_shifts),
        "success_shifts": _analysis(recent.success_shifts),
        "new_errors": _analysis(recent.new_errors),
    },
    "adoption": {
        "active_installs": _table("active_installs"),
        "releases": _analysis(releases),
        "new_installs": _table("new_installs"),
        "lifecycle": _table("lifecycle"),
        "stickiness": _table("stickiness"),
        "version_adoption": _table("version_adoption"),
        "retention": _table("retention"),
    },
    "platforms": {
        "os_families": _analysis(platforms.os_families),
        "os_spread": _table("os_spread"),
        "metric_spread": _analysis(platforms.metric_spread),
        "identifiers": _analysis(platforms.identifiers),
    },
    "solutions": {
        "solution_deployments": _table("solution_deployments"),
        "by_operation": _analysis(solutions.deployments_by_operation),
        "by_solution": _analysis(solutions.deployments_by_solution),
        "by_week": _analysis(solutions.deployments_by_week),
        "solution_quality": _table("solution_quality"),
        "funnel": _table("funnel"),
    },
    "one-time": {
        "one_time": _table("one_time"),
        "one_time_shares": _analysis(one_time.one_time_shares),
        "first_run_errors": _table("first_run_errors"),
        "one_time_by_version": _analysis(one_time.one_time_by_version),
        "one_time_by_system": _analysis(one_time.one_time_by_system),
        "one_time_by_operation": _analysis(one_time.one_time_by_operation),
    },
    "errors": {"error_interval": _table("error_interval")},
    "one error": {
        "survival": _survival,
        "error_fates": _of_one_error(error_fates),
        "won_back": _of_one_error(won_back),
        "won_back_versions": _of_one_error(won_back_versions),
        "met_by_week": _of_one_error(one_error.met_by_week),
        "met_on_versions": _of_one_error(one_error.met_on_versions),
        "affected_installs": _of_one_error(one_error.affected_installs),
    },
    "installs": {"left_after_error": _table("left_after_error")},
    "data": {
        "last_received": _analysis(arrivals.last_received),
        "arrivals": _analysis(arrivals.arrivals),
        "loss_account": _table("loss_account"),
        "told_metrics": _analysis(told_metrics),
    },
    "only exported": {
        "error_impact": _table("error_impact"),
        "error_free": _table("error_free"),
        "error_fates": _table("error_fates"),
        "won_back": _table("won_back"),
        "won_back_versions": _table("won_back_versions"),
    },
}


@dataclass(frozen=True)
class Case:
    """A warehouse of so many reports."""

    size: int
    warehouse: Warehouse


def main() -> None:
    """Print the figures; about two minutes for a million reports."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(os.environ.get("BENCH_ANALYSIS_FOLDER", folder))
        growth = {size: _of_size(Case(size, filled(size, kept))) for size in SIZES}
    if len(growth) > 1:
        print(f"\n{'growth: all time, unfiltered':26}" + "".join(f"{n:>14,}" for n in growth))
        for page in PAGES:
            print(f"{page:26}" + "".join(f"{of[page]:11.0f} ms" for of in growth.values()))


def _of_size(case: Case) -> dict[str, float]:
    sums = _read(case)
    _refresh(case)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"memory of this process at its most, pandas' table among it: {peak:,} MiB")
    return sums


def _read(case: Case) -> dict[str, float]:
    with case.warehouse.reading() as snapshot:
        counts = [snapshot.table(name).count().execute() for name in ("reports", "visits")]
    megabytes = case.warehouse.path.stat().st_size / 1e6
    print(f"\n{counts[0]:,} reports, {counts[1]:,} visits, a file of {megabytes:,.0f} MB")
    print(f"{'ms, best of ' + str(REPEATS):26}" + "".join(f"{name:>12}" for name in SCOPES))
    sums = {page: _page(case.warehouse, page, asks) for page, asks in PAGES.items()}
    print(f"{'budget of a page':26}" + "".join(f"{BUDGET[name]:>12}" for name in SCOPES))
    _beside_raw(case.warehouse)
    return sums


def _page(warehouse: Warehouse, page: str, asks: Mapping[str, Ask]) -> float:
    """Print the time of each table of a page and their sums; return that over all time, ms.

    What several of them start from is worked out for the first: as a page does, all ask one
    history, which is a new one on a connection of its own each time.
    """
    took = {
        scope: _best_of(warehouse, chosen, asks, new=scope == NEW_SCOPE)
        for scope, chosen in SCOPES.items()
    }
    for name in asks:
        print(f"  {name:24}" + "".join(f"{times[name]:12.0f}" for times in took.values()))
    sums = {scope: sum(times.values()) for scope, times in took.items()}
    print(f"{page:26}" + "".join(f"{total:12.0f}" for total in sums.values()), flush=True)
    return sums["all"]


def _best_of(
    warehouse: Warehouse, chosen: Mapping[str, Any], asks: Mapping[str, Ask], *, new: bool = False
) -> dict[str, float]:
    """The time of each table, ms, in the quickest of some runs after one that warms up."""
    runs = []
    for _ in range(REPEATS + 1):
        if new:
            engine.forget()
        with warehouse.reading() as snapshot:
            history = _history(snapshot, chosen)
            runs.append({name: once(partial(ask, history)) for name, ask in asks.items()})
    return min(runs[1:], key=lambda times: sum(times.values()))


def _history(snapshot: Snapshot, chosen: Mapping[str, Any]) -> History:
    return History(Scope(APP, LAST, LAST, last_report=LAST, **chosen), snapshot.table)


def once(run: Callable[[], object]) -> float:
    """How long it takes, ms."""
    started = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - started)


def best(run: Callable[[], object], repeats: int = REPEATS) -> float:
    """The shortest of some runs, ms, after one that warms up."""
    return min([once(run) for _ in range(repeats + 1)][1:])


def _beside_raw(warehouse: Warehouse) -> None:
    """Print how long the same questions take where every report is looked at again.

    Ours are asked on connections of their own, so that nothing worked out before is there.
    """
    print(f"{'the same questions, all time':30}{'Wald':>8}{'DuckDB raw':>12}{'pandas raw':>12}")
    with warehouse.reading() as snapshot:
        frame = _raw.as_pandas(snapshot)
    for name, question in _raw.QUESTIONS.items():
        ours = _best_of(warehouse, {}, {name: _table(name)})[name]
        plain = best(partial(question.in_pandas, frame), 1)
        with warehouse.reading() as snapshot:
            theirs = best(partial(question.in_duckdb, snapshot), 1)
            found = len(_table(name)(_history(snapshot, {})))
            wanted = len(question.in_pandas(frame)), len(question.in_duckdb(snapshot))
        ratio = f"{plain / ours:,.0f} × pandas (≥ 20), {theirs / ours:,.0f} × DuckDB"
        print(f"  {name:28}{ours:8.0f}{theirs:12.0f}{plain:12.0f}   {ratio}", flush=True)
        assert (found, found) == wanted, (name, found, wanted)


def _refresh(case: Case) -> None:
    """Print how long merging new reports takes, in a copy."""
    with tempfile.TemporaryDirectory(dir=case.warehouse.path.parent) as folder:
        copy = Path(folder) / "copy.duckdb"
        copied(case.warehouse, copy)
        with duckdb.connect(copy) as connection:
            draw(connection, case.size, seed=1)
            arrive(connection, DAYS - 7, DAYS, at_most=NEW)
            new, took = merged(connection)
    print(f"merging {new:,} new reports: {took:.2f} s (refresh as a whole: < 2 s)")


def filled(size: int, folder: Path) -> Warehouse:
    """A warehouse of about so many reports, made in steps; the one in the folder if there."""
    path = folder / f"{size}.duckdb"
    if path.exists():
        return Warehouse(path)
    half = path.with_suffix(".half")
    half.unlink(missing_ok=True)
    with duckdb.connect(half) as connection:
        connection.execute(SCHEMA)
        connection.execute("INSERT INTO about VALUES (?, 'bench')", [SCHEMA_VERSION])
        draw(connection, size)
        took = 0.0
        for step in range(STEPS):
            arrive(connection, DAYS * step // STEPS, DAYS * (step + 1) // STEPS)
            new, more = merged(connection)
            took += more
            print(f"  merged {new:,} reports, {took:.1f} s so far", flush=True)
    half.rename(path)
    return Warehouse(path)


def copied(warehouse: Warehouse, path: Path) -> None:
    """Copy a warehouse to a path, and to the disk: or the first commit there would wait for it."""
    shutil.copyfile(warehouse.path, path)
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def merged(connection: duckdb.DuckDBPyConnection) -> tuple[int, float]:
    """Merge what arrived; returns how many reports were new, and the seconds it took."""
    started = time.perf_counter()
    new = merge(connection)
    return new, time.perf_counter() - started


if __name__ == "__main__":
    main()
