"""The definitions once more, in plain pandas over the raw reports: slow, short, independent.

Every function takes what `prepared` returns.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

HORIZON = 30


@dataclass
class Prepared:
    reports: pd.DataFrame
    """A row a report, CI left out, with `day` (datetime.date)."""
    arrived: pd.DataFrame
    """The same, CI counted."""
    visits: pd.DataFrame
    """A row an install and day, with number, gap, next_gap, censored, left, errors, solutions, and
    what the day's last report says."""
    as_of: date
    last_day: date
    horizon: int = HORIZON
    since: date = date.min
    until: date = date.max
    versions: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    solutions: tuple[str, ...] = ()
    metrics: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def filtered(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Visits or reports with a version, OS, solution and metrics that are chosen."""
        for column, chosen in (("version", self.versions), ("os", self.systems)):
            rows = rows[rows[column].isin(chosen)] if chosen else rows
        if self.solutions:
            named = [bool(found & set(self.solutions)) for found in rows["solutions"]]
            rows = rows[np.array(named, dtype=bool)]
        for name, values in self.metrics:
            told = [name in m and str(m[name]) in values for m in rows["metrics"]]
            rows = rows[np.array(told, dtype=bool)]
        return rows

    def shown(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Those of them in the period, too."""
        rows = self.filtered(rows)
        return rows[(rows["day"] >= self.since) & (rows["day"] <= self.until)]

    def touches(self, first: date) -> bool:
        """Whether the period touches the week that begins on a day."""
        return first + timedelta(days=6) >= self.since and first <= self.until


_REPORT = (
    *("id", "install", "time", "kind", "operation", "solution", "outcome", "ci", "dropped"),
    *("received", "duration_ms"),
)
_COLUMNS = (
    *(*_REPORT, "fingerprint", "type", "where"),
    *("os", "os_version", "version", "told_version", "metrics", "day", "solutions"),
)


def prepared(
    stored: Iterable[Mapping[str, Any]],
    as_of: date,
    last_day: date,
    *,
    ci: bool = False,
    horizon: int = HORIZON,
    since: date | None = None,
    until: date | None = None,
    **filters: Any,
) -> Prepared:
    rows = []
    for report in {r["id"]: r for r in stored}.values():
        metrics = report.get("metrics", {})
        rows.append(
            {
                **{name: report.get(name) for name in _REPORT},
                "fingerprint": report.get("error", {}).get("fingerprint"),
                "type": report.get("error", {}).get("type"),
                "where": report.get("error", {}).get("where"),
                "os": metrics.get("os", "unknown"),
                "os_version": metrics.get("os_version", "unknown"),
                "version": metrics.get("package_version", "unknown"),
                "told_version": metrics.get("package_version"),
                "metrics": metrics,
                "solutions": {report["solution"]} if "solution" in report else set(),
                "day": (pd.Timestamp(0) + pd.Timedelta(milliseconds=report["time"])).date(),
            }
        )
    arrived = pd.DataFrame(rows, columns=_COLUMNS).sort_values(["time", "id"])
    arrived = arrived[arrived["day"].map(lambda day: day <= last_day).astype(bool)]
    reports = arrived[ci | ~arrived["ci"].astype(bool)]
    visits = [
        visit
        for install, of_install in reports.groupby("install")
        for visit in _visits(str(install), of_install, as_of, horizon)
    ]
    return Prepared(
        reports,
        arrived,
        pd.DataFrame(visits, columns=_VISIT),
        as_of,
        last_day,
        horizon,
        since or date.min,
        until or date.max,
        **filters,
    )


_LAST = ("os", "os_version", "version", "told_version", "metrics")
_VISIT = (
    *("install", "day", "number", "first_day", "gap", "next_gap", "censored", "left", "errors"),
    "solutions",
    *_LAST,
)


def _visits(
    install: str, reports: pd.DataFrame, as_of: date, horizon: int
) -> Iterator[dict[str, Any]]:
    days = sorted(reports["day"].unique())
    for place, day in enumerate(days):
        of_day = reports[reports["day"] == day]
        last = of_day.iloc[-1]
        following = (days[place + 1] - day).days if place + 1 < len(days) else None
        censored = (as_of - day).days < horizon
        yield {
            "install": install,
            "day": day,
            "number": place + 1,
            "first_day": days[0],
            "gap": (day - days[place - 1]).days if place else None,
            "next_gap": following,
            "censored": censored,
            "left": not censored and (following is None or following > horizon),
            "errors": set(of_day["fingerprint"].dropna()),
            "solutions": set[str]().union(*of_day["solutions"]),
            **{name: last[name] for name in _LAST},
        }


def monday(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def _days(p: Prepared) -> list[date]:
    if p.visits.empty:
        return []
    first = p.visits["day"].min()
    days = [first + timedelta(days=n) for n in range((p.last_day - first).days + 1)]
    return [day for day in days if p.since <= day <= p.until]


def every_week(first: date, last: date) -> list[date]:
    days = (last - monday(first)).days
    return [monday(first) + timedelta(days=n) for n in range(0, days + 1, 7)]


def _weeks(p: Prepared) -> list[date]:
    return every_week(p.visits["day"].min(), p.last_day) if len(p.visits) else []


def new_installs(p: Prepared) -> list[tuple[Any, ...]]:
    visits = p.filtered(p.visits)
    return [(d, sum((visits["day"] == d) & (visits["number"] == 1))) for d in _days(p)]


def active_installs(p: Prepared) -> list[tuple[Any, ...]]:
    rows, visits = [], p.filtered(p.visits)
    for day in _days(p):
        counts = []
        for span in (1, 7, 30):
            since = day - timedelta(days=span - 1)
            seen = visits[(visits["day"] >= since) & (visits["day"] <= day)]
            counts.append(seen["install"].nunique())
        rows.append((day, *counts))
    return rows


def _active_in_weeks(p: Prepared, visits: pd.DataFrame) -> dict[date, set[str]]:
    weeks: dict[date, set[str]] = {week: set() for week in _weeks(p)}
    for visit in visits.itertuples():
        weeks[monday(visit.day)].add(visit.install)
    return weeks


def lifecycle(p: Prepared) -> list[tuple[Any, ...]]:
    """Who is active by the visits chosen; whose life begins in that week is new."""
    began = {v.install: monday(v.day) for v in p.visits.itertuples() if v.number == 1}
    active, rows = _active_in_weeks(p, p.filtered(p.visits)), []
    before: set[str] = set()
    for week in _weeks(p):
        now = active[week]
        new = {install for install in now if began[install] == week}
        returning, dormant = now & before, before - now
        resurrected = now - new - returning
        if p.touches(week):
            rows.append((week, len(new), len(returning), len(resurrected), len(dormant)))
        before = now
    return rows


def retention(p: Prepared) -> list[tuple[Any, ...]]:
    active = _active_in_weeks(p, p.visits)
    first = p.filtered(p.visits[p.visits["number"] == 1])
    rows: list[tuple[Any, ...]] = []
    for cohort in filter(p.touches, _weeks(p)):
        members = {v.install for v in first.itertuples() if monday(v.day) == cohort}
        for week in _weeks(p) if members else []:
            if week < cohort:
                continue
            number = (week - cohort).days // 7
            if week + timedelta(days=6) > p.as_of:
                rows.append((cohort, len(members), number, None, None))
            else:
                seen = len(members & active[week])
                rows.append((cohort, len(members), number, seen, seen / len(members)))
    return rows


def _last_values(visits: pd.DataFrame) -> pd.DataFrame:
    return visits.sort_values("day").groupby("install").tail(1)


def version_adoption(p: Prepared) -> list[tuple[Any, ...]]:
    rows, visits = [], p.filtered(p.visits)
    for week in filter(p.touches, _weeks(p)):
        of_week = _last_values(visits[visits["day"].map(monday) == week])
        for version, count in of_week["version"].value_counts().sort_index().items():
            rows.append((week, version, count))
    return rows


def os_spread(p: Prepared) -> list[tuple[Any, ...]]:
    counts = _last_values(p.shown(p.visits)).groupby(["os", "os_version"]).size()
    return [(*key, n, n / counts.sum()) for key, n in counts.items()]


def metric_values(p: Prepared, identifier: str) -> list[tuple[Any, ...]]:
    values = [m.get(identifier) for m in _last_values(p.shown(p.visits))["metrics"]]
    told = pd.Series([v for v in values if v is not None], dtype=object)
    return [(str(value), n, n / len(told)) for value, n in told.value_counts().items()]


def solution_deployments(p: Prepared) -> list[tuple[Any, ...]]:
    reports = p.filtered(p.reports)
    runs = reports[(reports["kind"] == "run") & reports["solution"].notna()]
    runs = runs[runs["day"].map(lambda day: p.touches(monday(day))).astype(bool)]
    rows = []
    keys = [runs["day"].map(monday).rename("week"), "solution", "operation"]
    for key, group in runs.groupby(keys, dropna=False):
        ok = sum(group["outcome"] == "ok")
        rows.append((*key, len(group), ok, group["install"].nunique()))
    return rows


def one_time(p: Prepared) -> list[tuple[Any, ...]]:
    first = p.filtered(p.visits[p.visits["number"] == 1])
    visits = p.visits[p.visits["install"].isin(first["install"])]
    visits = visits.groupby("install").agg(
        first=("day", "min"), visits=("day", "size"), censored=("censored", "first")
    )
    rows = []
    for month, group in visits.groupby(visits["first"].map(lambda day: day.strftime("%Y-%m"))):
        if not p.since.isoformat()[:7] <= str(month) <= p.until.isoformat()[:7]:
            continue
        once = group["visits"] == 1
        early = sum(once & group["censored"])
        single = sum(once & ~group["censored"].astype(bool))
        judged = len(group) - early
        rows.append((month, len(group), single, early, single / judged if judged else None))
    return rows


def left_after_error(p: Prepared) -> list[tuple[Any, ...]]:
    rows = []
    for install, visits in p.visits.groupby("install"):
        last = visits.iloc[-1]
        if not last["left"] or not last["errors"] or p.shown(visits.iloc[-1:]).empty:
            continue
        of_day = p.reports[(p.reports["install"] == install) & (p.reports["day"] == last["day"])]
        error = of_day[of_day["kind"] == "error"].iloc[-1]
        silent = (p.as_of - last["day"]).days
        seen = (install, last["first_day"], last["day"], silent, len(visits))
        rows.append((*seen, error["fingerprint"], error["type"], last["version"], last["os"]))
    return rows


def _bin(value: float | None, edges: list[int]) -> int:
    if value is None or math.isnan(value):
        return -1
    return sum(value > edge for edge in edges)


def error_impact(p: Prepared) -> dict[str, dict[str, Any]]:
    """By fingerprint: installs, visits, unmatched, left, expected, excess, variance."""
    controls = [(place, left) for place, met, left in _judged(p.visits) if not met]
    return {fingerprint: _cost(p, fingerprint, controls) for fingerprint in _errors(p)}


def error_interval(p: Prepared) -> dict[str, dict[str, Any]]:
    """The same, against visits without this error, by the better variance."""
    judged, found = _judged(p.visits), {}
    for f in _errors(p):
        controls = [(place, left) for place, met, left in judged if f not in met]
        cost = found[f] = _cost(p, f, controls)
        q = (max(cost["excess"], 0) + 2) / (cost["staying"] + 4)
        cost["variance"] = 0.0
        for n1, _a, n0, p0 in cost["strata"]:
            p1 = p0 + q * (1 - p0)
            doubt = p0 * (1 - p0) / (n0 - 1)
            cost["variance"] += n1 * (p1 * (1 - p1) + (1 - q) ** 2 * doubt) + n1**2 * doubt
    return found


def _judged(visits: pd.DataFrame) -> list[tuple[tuple[Any, ...], set[str], bool]]:
    """Place in an install's life, errors met, and whether it was the last; of visits."""
    judged = []
    for visit in visits[~visits["censored"].astype(bool)].itertuples():
        judged.append((place_of(visit), visit.errors, bool(visit.left)))
    return judged


def _errors(p: Prepared) -> list[str]:
    return sorted(set[str]().union(*p.shown(p.visits)["errors"]))


def _cost(
    p: Prepared, fingerprint: str, controls: list[tuple[tuple[Any, ...], bool]]
) -> dict[str, Any]:
    shown = p.shown(p.visits)
    exposed: dict[tuple[Any, ...], list[bool]] = {}
    unmatched = 0
    for place, met, left in _judged(shown):
        if fingerprint not in met:
            continue
        for depth in (5, 4, 3, 2, 1):
            # Of the finest place, drop the month, then the OS, then the version, then the gap.
            stratum = stratum_of(place, depth)
            if len(_in_stratum(controls, stratum)) >= 10:
                exposed.setdefault(stratum, []).append(left)
                break
        else:
            unmatched += 1
    strata = []
    for stratum, lefts in exposed.items():
        of_controls = _in_stratum(controls, stratum)
        n0 = len(of_controls)
        strata.append((len(lefts), sum(lefts), n0, sum(of_controls) / n0))
    met_it = shown[[fingerprint in met for met in shown["errors"]]]
    return {
        "installs": met_it["install"].nunique(),
        "visits": unmatched + sum(n1 for n1, *_ in strata),
        "unmatched": unmatched,
        "left": sum(a for _, a, *_ in strata),
        "expected": sum(n1 * p0 for n1, _, _, p0 in strata),
        "excess": sum(a - n1 * p0 for n1, a, _, p0 in strata),
        "variance": sum(a * (1 - a / n1) + n1**2 * p0 * (1 - p0) / n0 for n1, a, n0, p0 in strata),
        "staying": sum(n1 * (1 - p0) for n1, _, _, p0 in strata),
        "strata": strata,
    }


def place_of(visit: Any) -> tuple[Any, ...]:
    """Number and gap as places in their lists, version, OS, month."""
    number, gap = _bin(visit.number, [1, 2, 5, 10, 20, 50]), _bin(visit.gap, [1, 3, 7, 14, 30])
    return number, gap, visit.version, visit.os, (visit.day.year, visit.day.month)


def stratum_of(place: tuple[Any, ...], depth: int) -> tuple[Any, ...]:
    """What the finest strata but for the last keys have in common."""
    return place[:depth]


def _in_stratum(
    controls: list[tuple[tuple[Any, ...], bool]], stratum: tuple[Any, ...]
) -> list[bool]:
    return [left for place, left in controls if stratum_of(place, len(stratum)) == stratum]
