"""How the simulated project is used, written down visit by visit.

One row of each table of the dashboard's CSV files, worked out as the days pass, so that only the
current week's installs are held in memory. Independent of the dashboard's own analysis.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from demo.days import iso, monday, month
from demo.project import HORIZON
from demo.visits import Visit

if TYPE_CHECKING:
    from wald.report import MetricValue


Row = dict[str, str | int | float | bool | None]


class Days:
    """``new_installs`` and ``active_installs``."""

    WINDOWS = (1, 7, 30)

    def __init__(self) -> None:
        self._new: Counter[int] = Counter()
        self._change: dict[int, Counter[int]] = {window: Counter() for window in self.WINDOWS}

    def add(self, visit: Visit) -> None:
        """Count the visit, which follows the install's earlier ones."""
        if visit.gap is None:
            self._new[visit.day] += 1
        for window, change in self._change.items():
            # From this visit on, or from where the last one stops counting.
            start = (
                visit.day if visit.gap is None else max(visit.day, visit.day - visit.gap + window)
            )
            change[start] += 1
            change[visit.day + window] -= 1

    def tables(self, as_of: int) -> dict[str, list[Row]]:
        """A row for every day from the first visit's on."""
        days = range(min(self._new, default=as_of + 1), as_of + 1)
        active = dict.fromkeys(self.WINDOWS, 0)
        rows: list[Row] = []
        for day in days:
            for window in self.WINDOWS:
                active[window] += self._change[window][day]
            counts = {f"active_{window}": active[window] for window in self.WINDOWS}
            rows.append({"day": iso(day), **counts})
        return {
            "new_installs": [{"day": iso(day), "installs": self._new[day]} for day in days],
            "active_installs": rows,
        }


class Weeks:
    """``lifecycle``, ``retention``, ``version_adoption`` and ``solution_deployments``."""

    def __init__(self) -> None:
        self._week: int | None = None
        self._versions: dict[str, str] = {}
        self._before: dict[str, str] = {}
        self._deployers: set[tuple[str, str, str]] = set()
        self._lifecycle: dict[int, Counter[str]] = defaultdict(Counter)
        self._cohorts: dict[int, Counter[int]] = defaultdict(Counter)
        self._adoption: Counter[tuple[int, str]] = Counter()
        self._deployments: dict[tuple[int, str, str], Counter[str]] = defaultdict(Counter)

    def add(self, visit: Visit) -> None:
        """Count the visit, which is not before any counted so far."""
        week = monday(visit.day)
        if week != self._week:
            self._close(week)
        if visit.install not in self._versions:
            self._arrive(visit, week)
        self._versions[visit.install] = str(visit.runs[-1].metrics["package_version"])
        self._deploy(visit, week)

    def _arrive(self, visit: Visit, week: int) -> None:
        if visit.gap is None:
            status = "new"
        else:
            status = "returning" if visit.install in self._before else "resurrected"
        self._lifecycle[week][status] += 1
        cohort = monday(visit.first_day)
        self._cohorts[cohort][(week - cohort) // 7] += 1

    def _deploy(self, visit: Visit, week: int) -> None:
        for run in visit.runs:
            if run.solution is None:
                continue
            counts = self._deployments[week, run.solution, run.operation]
            counts["attempts"] += 1
            counts["succeeded"] += run.outcome == "ok"
            deployer = (visit.install, run.solution, run.operation)
            if deployer not in self._deployers:
                self._deployers.add(deployer)
                counts["installs"] += 1

    def _close(self, following: int) -> None:
        if self._week is not None:
            for version, installs in Counter(self._versions.values()).items():
                self._adoption[self._week, version] = installs
        neighbours = self._week is not None and self._week + 7 == following
        self._before = self._versions if neighbours else {}
        self._versions = {}
        self._deployers = set()
        self._week = following

    def tables(self, as_of: int) -> dict[str, list[Row]]:
        """A row for every week from the first visit's on; the last may not be over."""
        weeks = range(min(self._cohorts, default=as_of + 1), as_of + 1, 7)
        self._close(monday(as_of) + 7)
        return {
            "lifecycle": [self._lifecycle_row(week) for week in weeks],
            "retention": [
                self._retention_row(cohort, week, as_of)
                for cohort in sorted(self._cohorts)
                for week in range((as_of - cohort) // 7 + 1)
            ],
            "version_adoption": [
                {"week": iso(week), "version": version, "installs": installs}
                for (week, version), installs in sorted(self._adoption.items())
            ],
            "solution_deployments": [
                {
                    **{"week": iso(week), "solution": solution, "operation": operation},
                    **{name: counts[name] for name in ("attempts", "succeeded", "installs")},
                }
                for (week, solution, operation), counts in sorted(self._deployments.items())
            ],
        }

    def _lifecycle_row(self, week: int) -> Row:
        now = self._lifecycle[week]
        dormant = self._lifecycle[week - 7].total() - now["returning"]
        counts = {status: now[status] for status in ("new", "returning", "resurrected")}
        return {"week": iso(week), **counts, "dormant": dormant}

    def _retention_row(self, cohort: int, week: int, as_of: int) -> Row:
        size = self._cohorts[cohort][0]
        over = cohort + 7 * week + 6 <= as_of
        active = self._cohorts[cohort][week] if over else None
        share = None if active is None else active / size
        return {
            **{"cohort": iso(cohort), "size": size, "week": week},
            **{"active": active, "share": share},
        }


class Installs:
    """``one_time``, ``os_spread``, ``left_after_error`` and ``metric_*``, as of a day."""

    def __init__(self, as_of: int) -> None:
        self._as_of = as_of
        self._platforms: Counter[tuple[str, str]] = Counter()
        self._metrics: dict[str, Counter[MetricValue]] = defaultdict(Counter)
        self._months: dict[str, Counter[str]] = defaultdict(Counter)
        self._left: list[Row] = []
        self.count = 0

    def add(self, visit: Visit) -> None:
        """Count the install at its last visit up to the as-of day; earlier ones are passed over."""
        if visit.next_day is not None and visit.next_day <= self._as_of:
            return
        self.count += 1
        metrics = visit.runs[-1].metrics
        self._platforms[str(metrics["os"]), str(metrics["os_version"])] += 1
        for identifier, value in metrics.items():
            self._metrics[identifier][value] += 1
        censored = visit.day > self._as_of - HORIZON
        counts = self._months[month(visit.first_day)]
        counts["installs"] += 1
        if visit.number == 1:
            counts["too_early" if censored else "one_time"] += 1
        if visit.error is not None and not censored:
            self._left.append(self._left_row(visit))

    def _left_row(self, visit: Visit) -> Row:
        assert visit.error is not None
        metrics = visit.runs[-1].metrics
        return {
            "install": visit.install,
            "first_seen": iso(visit.first_day),
            "last_seen": iso(visit.day),
            "silent_days": self._as_of - visit.day,
            "visits": visit.number,
            "fingerprint": visit.error.fingerprint,
            "type": visit.error.type,
            "version": metrics["package_version"],
            "os": metrics["os"],
            "sentry_url": None,
        }

    def tables(self) -> dict[str, list[Row]]:
        """The tables over the whole history."""
        found: dict[str, list[Row]] = {
            "one_time": [_one_time_row(*item) for item in sorted(self._months.items())],
            "os_spread": [
                {"os": os, "os_version": version, "installs": n, "share": n / self.count}
                for (os, version), n in sorted(self._platforms.items())
            ],
            "left_after_error": sorted(self._left, key=lambda row: str(row["install"])),
        }
        for identifier, values in sorted(self._metrics.items()):
            found[f"metric_{identifier}"] = [
                {"value": value, "installs": n, "share": n / values.total()}
                for value, n in sorted(values.items(), key=lambda item: (-item[1], str(item[0])))
            ]
        return found


def _one_time_row(cohort: str, counts: Counter[str]) -> Row:
    known = counts["installs"] - counts["too_early"]
    return {
        "cohort": cohort,
        **{name: counts[name] for name in ("installs", "one_time", "too_early")},
        "share": counts["one_time"] / known if known else None,
    }
