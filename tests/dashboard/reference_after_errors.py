"""What follows an error, once more: in plain Python over the frames of `reference.prepared`."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

import pandas as pd

from tests.dashboard.reference import Prepared, monday, place_of, stratum_of

Rows = list[tuple[Any, ...]]


def named(p: Prepared) -> dict[str, tuple[str, str]]:
    """The type and where of every error, as last reported."""
    errors = p.reports[p.reports["kind"] == "error"]
    return {row.fingerprint: (row.type, row.where) for row in errors.itertuples()}


def error_fates(p: Prepared) -> Rows:
    last: dict[tuple[str, str], Any] = {}
    for visit in p.shown(p.visits).sort_values("day").itertuples():
        last |= {(fingerprint, visit.install): visit for fingerprint in visit.errors}
    fates: dict[str, Counter[str]] = defaultdict(Counter)
    for (fingerprint, _), visit in last.items():
        fates[fingerprint][_fate(p, fingerprint, visit)] += 1
    return [
        (
            *(fingerprint, *named(p)[fingerprint], counts.total()),
            *(counts[fate] for fate in ("stayed", "upgraded", "left", "too_early")),
        )
        for fingerprint, counts in fates.items()
    ]


def _fate(p: Prepared, fingerprint: str, visit: Any) -> str:
    if visit.left:
        return "left"
    if visit.censored:
        return "too_early"
    reports = p.reports[p.reports["install"] == visit.install]
    same = (reports["day"] == visit.day) & (reports["fingerprint"] == fingerprint)
    before = reports[same]["told_version"].iloc[-1]
    visits = p.visits[p.visits["install"] == visit.install]
    until = visit.day + timedelta(days=p.horizon)
    after = visits[(visits["day"] >= visit.day) & (visits["day"] <= until)]
    told = list(after["told_version"].dropna())
    other = bool(told) and pd.notna(before) and told[-1] != before
    return "upgraded" if other else "stayed"


def _leavings(p: Prepared) -> dict[tuple[str, str], Any]:
    """By fingerprint and install: the last visit in the period with the error where it left."""
    left = p.shown(p.visits[p.visits["left"].astype(bool)]).sort_values("day")
    return {
        (fingerprint, visit.install): visit
        for visit in left.itertuples()
        for fingerprint in visit.errors
    }


def won_back(p: Prepared) -> Rows:
    rows = []
    for fingerprint in sorted({fingerprint for fingerprint, _ in _leavings(p)}):
        visits = [v for (found, _), v in _leavings(p).items() if found == fingerprint]
        returned = sum(not math.isnan(visit.next_gap or math.nan) for visit in visits)
        share = returned / len(visits)
        rows.append((fingerprint, *named(p)[fingerprint], len(visits), returned, share))
    return rows


def won_back_versions(p: Prepared) -> Rows:
    versions: Counter[tuple[str, str]] = Counter()
    for (fingerprint, install), visit in _leavings(p).items():
        later = p.visits[(p.visits["install"] == install) & (p.visits["day"] > visit.day)]
        if len(later):
            versions[fingerprint, later.iloc[0]["version"]] += 1
    return [(*key, n) for key, n in versions.items()]


def first_run_errors(p: Prepared) -> tuple[Any, ...]:
    first = p.shown(p.visits[(p.visits["number"] == 1) & ~p.visits["censored"].astype(bool)])
    unmatched = one_time = n = 0
    expected = variance = 0.0
    for _, stratum in first.groupby(["version", "os"]):
        met = stratum["errors"].map(len) > 0
        once = stratum["next_gap"].isna()
        n1, a = int(met.sum()), int((met & once).sum())
        n0 = int((~met).sum())
        if n0 < 10:
            unmatched += n1
        elif n1:
            p0 = (~met & once).sum() / n0
            n, one_time, expected = n + n1, one_time + a, expected + n1 * p0
            variance += a * (1 - a / n1) + n1**2 * p0 * (1 - p0) / n0
    installs = n + unmatched
    if not n:
        return (installs, unmatched, 0, None, None, None, None, None)
    share, standard, reach = one_time / n, expected / n, 1.959964 * math.sqrt(variance) / n
    difference = share - standard
    estimates = (share, standard, difference, difference - reach, difference + reach)
    return (installs, unmatched, one_time, *estimates)


def matched_sample(p: Prepared, fingerprint: str) -> Rows:
    """(install, exposed, stratum or None, days, left), where a stratum is a tuple of its keys."""
    judged = p.visits[~p.visits["censored"].astype(bool)].sort_values("day")
    exposed: dict[str, Any] = {}
    for visit in p.shown(judged).itertuples():
        if fingerprint in visit.errors:
            exposed.setdefault(visit.install, visit)
    numbers = sorted(visit.number for visit in exposed.values())
    controls = [
        visit
        for visit in judged.itertuples()
        if numbers and not visit.errors and visit.number == _drawn(visit.install, numbers)
    ]
    sizes = Counter(stratum_of(place_of(v), depth) for v in controls for depth in range(1, 6))
    rows: Rows = []
    for visit in exposed.values():
        strata = [stratum_of(place_of(visit), depth) for depth in (5, 4, 3, 2, 1)]
        stratum = next((found for found in strata if sizes[found] >= 10), None)
        rows.append((visit.install, True, stratum, *_followed(p, visit)))
    used = {row[2] for row in rows}
    for visit in controls:
        strata = [stratum_of(place_of(visit), depth) for depth in range(1, 6)]
        followed = _followed(p, visit)
        rows += [(visit.install, False, found, *followed) for found in strata if found in used]
    return rows


def _drawn(install: str, numbers: list[int]) -> int:
    return numbers[int(install[8:12], 16) * len(numbers) // 16**4]


def _followed(p: Prepared, visit: Any) -> tuple[int, bool]:
    later = p.visits[(p.visits["install"] == visit.install) & (p.visits["day"] >= visit.day)]
    left = sorted(later[later["left"].astype(bool)]["day"])
    end = left[0] if left else p.as_of - timedelta(days=p.horizon)
    return (end - visit.day).days, bool(left)


def survival(sample: Rows, *, exposed: bool) -> list[float]:
    """The share that stayed longer, by days since the visit: the product of Kaplan and Meier."""
    groups = Counter((stratum, met) for _, met, stratum, *_ in sample if stratum)
    weighted = [
        (days, left, 1.0 if exposed else groups[stratum, True] / groups[stratum, False])
        for _, met, stratum, days, left in sample
        if stratum and met == exposed
    ]
    share, curve = 1.0, []
    for day in range(max((days for days, *_ in weighted), default=-1) + 1):
        at_risk = sum(weight for days, _, weight in weighted if days >= day)
        share *= 1 - sum(w for days, left, w in weighted if days == day and left) / at_risk
        curve.append(share)
    return curve


def log_rank(sample: Rows) -> float | None:
    """Mantel's statistic over the strata; None where the difference has no variance."""
    difference = variance = 0.0
    for stratum in {row[2] for row in sample if row[2]}:
        rows = [row for row in sample if row[2] == stratum]
        for day in {days for *_, days, left in rows if left}:
            at_risk = [row for row in rows if row[3] >= day]
            n, n1 = len(at_risk), sum(row[1] for row in at_risk)
            leaving = [row for row in at_risk if row[3] == day and row[4]]
            d, d1 = len(leaving), sum(row[1] for row in leaving)
            difference += d1 - d * n1 / n
            if n > 1:
                variance += d * (n1 / n) * (1 - n1 / n) * (n - d) / (n - 1)
    return difference**2 / variance if variance else None


def met(p: Prepared, fingerprint: str) -> pd.DataFrame:
    """The reports of an error in the visits shown."""
    return met_at(p, p.shown(p.visits), fingerprint)


def met_at(p: Prepared, visits: pd.DataFrame, fingerprint: str) -> pd.DataFrame:
    shown = {(visit.install, visit.day) for visit in visits.itertuples()}
    reports = p.reports[p.reports["fingerprint"] == fingerprint]
    return reports[[pair in shown for pair in zip(reports["install"], reports["day"], strict=True)]]


def met_by_week(p: Prepared, fingerprint: str) -> Rows:
    """Whole weeks, without those in which nobody met it."""
    reports = met_at(p, p.filtered(p.visits), fingerprint)
    weeks = reports.groupby(reports["day"].map(monday))["install"]
    return [(week, found.nunique(), len(found)) for week, found in weeks if p.touches(week)]


def met_on_versions(p: Prepared, fingerprint: str) -> Rows:
    shown = p.shown(p.visits)
    rows = []
    for version, visits in shown.groupby("version"):
        hit = visits[[fingerprint in errors for errors in visits["errors"]]]
        if len(hit):
            installs, active = hit["install"].nunique(), visits["install"].nunique()
            days = hit["day"].min(), hit["day"].max()
            rows.append((version, installs, active, installs / active, *days))
    return rows


def affected_installs(p: Prepared, fingerprint: str) -> Rows:
    """install, times, first_met, last_met, last_seen, silent_days, visits."""
    rows = []
    for install, reports in met(p, fingerprint).groupby("install"):
        last = p.visits[p.visits["install"] == install]["day"].max()
        visits = int((p.visits["install"] == install).sum())
        silent = max(0, (p.as_of - last).days)
        days = reports["day"].min(), reports["day"].max()
        rows.append((install, len(reports), *days, last, silent, visits))
    return rows
