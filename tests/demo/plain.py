"""The definitions once more, as plain pandas over reports: what truth is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from wald.report import Report

Rows = list[dict[str, Any]]
HORIZON = 30

# The type checker cannot know what a group's key or a row's cell is.
Frame = Any


class Plain:
    """The tables of a project's reports without CI, as of a day (UTC, ISO)."""

    def __init__(self, reports: Sequence[Report], as_of: str) -> None:
        kept = [report for report in reports if not report["ci"]]
        self.as_of: Frame = pd.Timestamp(as_of)
        frame: Frame = pd.DataFrame(kept).sort_values(["time", "id"])
        frame["day"] = pd.to_datetime(frame["time"], unit="ms").dt.normalize()
        frame["week"] = frame["day"] - pd.to_timedelta(frame["day"].dt.day_of_week, unit="D")
        frame["version"] = [metrics["package_version"] for metrics in frame["metrics"]]
        self.reports = frame
        visits: Frame = (
            frame[["install", "day", "week"]].drop_duplicates().sort_values(["install", "day"])
        )
        by_install = visits.groupby("install")["day"]
        visits["number"] = by_install.cumcount() + 1
        visits["first"] = by_install.transform("min")
        visits["next"] = by_install.shift(-1)
        visits["censored"] = visits["day"] > self.as_of - pd.Timedelta(days=HORIZON)
        silent = visits["next"].isna() | ((visits["next"] - visits["day"]).dt.days > HORIZON)
        visits["left"] = silent & ~visits["censored"]
        self.visits = visits
        self.last = frame.groupby("install").tail(1).set_index("install")

    def new_installs(self) -> Rows:
        first = self.visits.loc[self.visits["number"] == 1, "day"]
        days = pd.date_range(first.min(), self.as_of)
        return [{"day": iso(day), "installs": int((first == day).sum())} for day in days]

    def active_installs(self) -> Rows:
        rows: Rows = []
        for day in pd.date_range(self.visits["day"].min(), self.as_of):
            row: dict[str, Any] = {"day": iso(day)}
            for window in (1, 7, 30):
                since = day - pd.Timedelta(days=window - 1)
                inside = self.visits["day"].between(since, day)
                row[f"active_{window}"] = self.visits.loc[inside, "install"].nunique()
            rows.append(row)
        return rows

    def lifecycle(self) -> Rows:
        active = {week: set(rows["install"]) for week, rows in self.visits.groupby("week")}
        seen: set[str] = set()
        before: set[str] = set()
        rows: Rows = []
        last = self.as_of - pd.Timedelta(days=self.as_of.weekday())
        for week in pd.date_range(min(active), last, freq="7D"):
            now = active.get(week, set())
            counts = {
                "new": len(now - seen),
                "returning": len(now & before),
                "resurrected": len((now & seen) - before),
                "dormant": len(before - now),
            }
            rows.append({"week": iso(week), **counts})
            seen |= now
            before = now
        return rows

    def retention(self) -> Rows:
        visits = self.visits
        weekdays = pd.to_timedelta(visits["first"].dt.day_of_week, unit="D")
        cohorts = visits.assign(cohort=visits["first"] - weekdays)
        rows: Rows = []
        for cohort, members in cohorts.groupby("cohort"):
            size = members["install"].nunique()
            age = (members["week"] - members["cohort"]).dt.days // 7
            for week in range((self.as_of - cohort).days // 7 + 1):
                over = cohort + pd.Timedelta(days=7 * week + 6) <= self.as_of
                active = members.loc[age == week, "install"].nunique() if over else None
                share = None if active is None else active / size
                row = {"cohort": iso(cohort), "size": size, "week": week}
                rows.append({**row, "active": active, "share": share})
        return rows

    def version_adoption(self) -> Rows:
        last = self.reports.groupby(["install", "week"]).tail(1)
        sizes = last.groupby(["week", "version"]).size()
        return [
            {"week": iso(week), "version": version, "installs": int(n)}
            for (week, version), n in sizes.items()
        ]

    def os_spread(self) -> Rows:
        pairs: Frame = pd.Series([(m["os"], m["os_version"]) for m in self.last["metrics"]])
        counts = pairs.value_counts()
        return [
            {"os": os, "os_version": version, "installs": n, "share": n / len(self.last)}
            for (os, version), n in sorted(counts.items())
        ]

    def metric(self, identifier: str) -> Rows:
        values: Frame = pd.Series([metrics[identifier] for metrics in self.last["metrics"]])
        counts = sorted(values.value_counts().items(), key=lambda item: (-item[1], str(item[0])))
        return [{"value": v, "installs": n, "share": n / len(self.last)} for v, n in counts]

    def solution_deployments(self) -> Rows:
        runs = self.reports[self.reports["kind"] == "run"].dropna(subset=["solution"])
        return [
            {
                **{"week": iso(week), "solution": solution, "operation": operation},
                "attempts": len(rows),
                "succeeded": int((rows["outcome"] == "ok").sum()),
                "installs": rows["install"].nunique(),
            }
            for (week, solution, operation), rows in runs.groupby(["week", "solution", "operation"])
        ]

    def one_time(self) -> Rows:
        visits = self.visits
        counts = visits.groupby("install")["number"].max()
        first = visits[visits["number"] == 1].set_index("install")
        only = counts == 1
        early = only & first["censored"]
        months = first["day"].dt.strftime("%Y-%m")
        rows: Rows = []
        for month in sorted(months.unique()):
            inside = months == month
            installs, too_early = int(inside.sum()), int((early & inside).sum())
            once = int((only & ~early & inside).sum())
            known = installs - too_early
            row = {"cohort": month, "installs": installs, "one_time": once, "too_early": too_early}
            rows.append({**row, "share": once / known if known else None})
        return rows

    def left_after_error(self) -> Rows:
        last = self.visits.groupby("install").tail(1)
        errors = self.reports[self.reports["kind"] == "error"]
        rows: Rows = []
        for visit in last[last["left"]].sort_values("install").itertuples():
            met = errors[(errors["install"] == visit.install) & (errors["day"] == visit.day)]
            if met.empty:
                continue
            error, metrics = met.iloc[-1]["error"], self.last.loc[visit.install, "metrics"]
            rows.append(
                {
                    "install": visit.install,
                    "first_seen": iso(visit.first),
                    "last_seen": iso(visit.day),
                    "silent_days": (self.as_of - visit.day).days,
                    "visits": visit.number,
                    "fingerprint": error["fingerprint"],
                    "type": error["type"],
                    "version": metrics["package_version"],
                    "os": metrics["os"],
                    "sentry_url": None,
                }
            )
        return rows


def iso(day: Frame) -> str:
    return str(day.strftime("%Y-%m-%d"))
