"""Solutions, versions and losses, once more: in plain pandas over what `prepared` returns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from tests.dashboard.reference import Prepared, active_installs, every_week, monday

Rows = list[tuple[Any, ...]]


def _deployments(p: Prepared) -> pd.DataFrame:
    reports = p.shown(p.reports)
    return reports[(reports["kind"] == "run") & reports["solution"].notna()]


def solution_quality(p: Prepared) -> Rows:
    rows = []
    for key, runs in _deployments(p).groupby(["solution", "operation"], dropna=False):
        ok = runs[runs["outcome"] == "ok"]
        times = ok["duration_ms"].dropna().astype(float)
        spread = (times.median(), times.quantile(0.9)) if len(times) else (None, None)
        counts = (len(runs), len(ok), runs["install"].nunique(), len(ok) / len(runs))
        rows.append((*key, *counts, len(times), *spread))
    return rows


def funnel(p: Prepared, steps: tuple[str, ...]) -> Rows:
    rows: Rows = []
    for solution, of_solution in _deployments(p).groupby("solution"):
        reached = [0] * len(steps)
        for _, runs in of_solution.groupby("install"):
            since = -1
            for step, operation in enumerate(steps):
                took = runs[(runs["operation"] == operation) & (runs["time"] >= since)]["time"]
                if took.empty:
                    break
                since = took.min()
                reached[step] += 1
        if reached[0]:
            for step, operation in enumerate(steps):
                share = reached[step] / reached[0]
                rows.append((solution, step + 1, operation, reached[step], share))
    return rows


def stickiness(p: Prepared) -> Rows:
    return [
        (day, one, thirty, one / thirty if thirty else None)
        for day, one, _, thirty in active_installs(p)
    ]


def error_free(p: Prepared) -> Rows:
    rows = []
    shown = p.shown(p.visits)[["install", "day", "version"]]
    reports = p.reports.drop(columns="version").merge(shown, on=["install", "day"])
    for version, of_version in reports.groupby("version"):
        met = of_version[of_version["kind"] == "error"]["install"].unique()
        installs = of_version["install"].nunique()
        runs = of_version[of_version["kind"] == "run"]
        clean = int((runs["outcome"] != "error").sum())
        rows.append(
            (
                *(version, installs, installs - len(met), (installs - len(met)) / installs),
                *(len(runs), clean, clean / len(runs) if len(runs) else None),
            )
        )
    return rows


def loss_account(p: Prepared) -> Rows:
    visits = p.arrived.groupby(["install", "day"], as_index=False).agg(
        {"os": "last", "version": "last", "metrics": "last", "solutions": lambda s: set().union(*s)}
    )
    chosen = set(p.filtered(visits)[["install", "day"]].itertuples(index=False, name=None))
    keys = p.arrived[["install", "day"]].itertuples(index=False, name=None)
    arrived = p.arrived[np.array([key in chosen for key in keys], dtype=bool)]
    rows = []
    for week in every_week(p.arrived["day"].min(), p.last_day) if len(p.arrived) else []:
        if not p.touches(week):
            continue
        of_week = arrived[arrived["day"].map(monday) == week]
        n = len(of_week)
        dropped = int(of_week["dropped"].sum())
        late = sum(of_week["received"] - of_week["time"] > 86_400_000)
        ci = int(of_week["ci"].sum())
        shares = (dropped / (n + dropped) if n + dropped else None,)
        shares += (late / n, ci / n) if n else (None, None)
        rows.append((week, of_week["install"].nunique(), n, dropped, late, ci, *shares))
    return rows


def headline(p: Prepared) -> Rows:
    since, until = p.since, p.until
    visits = p.filtered(p.visits)
    recent = visits[(visits["day"] > until - timedelta(days=30)) & (visits["day"] <= until)]
    visits = visits[(visits["day"] >= since) & (visits["day"] <= until)]
    first = visits[visits["number"] == 1]
    judged = first[~first["censored"].astype(bool)]
    once = judged["next_gap"].isna().sum()
    clean = (visits["errors"].map(len) == 0).sum()
    active = recent["install"].nunique()
    return [(len(first), len(judged), once, len(visits), clean, active)]


def one_time_by(p: Prepared, column: str) -> Rows:
    """By what the first visit tells; of its operations, by the first one reported."""
    first = p.shown(_judged_first_visits(p))
    if column == "operation":
        told = p.reports[p.reports["operation"].notna()]
        told = told.groupby(["install", "day"], as_index=False)["operation"].first()
        first = first.merge(told, on=["install", "day"])
    return _once(first.groupby(column))


def one_time_shares(p: Prepared) -> Rows:
    """By the month of the first visit, of the months that the period touches."""
    first = p.filtered(_judged_first_visits(p))
    months = [day.isoformat()[:7] for day in first["day"]]
    since, until = p.since.isoformat()[:7], p.until.isoformat()[:7]
    inside = np.array([since <= month <= until for month in months], dtype=bool)
    return _once(first.assign(month=months)[inside].groupby("month"))


def _judged_first_visits(p: Prepared) -> pd.DataFrame:
    return p.visits[(p.visits["number"] == 1) & ~p.visits["censored"].astype(bool)]


def _once(grouped: Iterable[tuple[Any, pd.DataFrame]]) -> Rows:
    rows: Rows = []
    for value, visits in grouped:
        once = int(visits["next_gap"].isna().sum())
        rows.append((value, len(visits), once, once / len(visits)))
    return rows
