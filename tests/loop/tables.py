"""What every exported table must hold, worked out from what the households did, on one day."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.loop.homes import Lived, Run

Row = tuple[Any, ...]

HORIZON = 30
COLUMNS = {
    "new_installs": "day,installs",
    "active_installs": "day,active_1,active_7,active_30",
    "lifecycle": "week,new,returning,resurrected,dormant",
    "retention": "cohort,size,week,active,share",
    "version_adoption": "week,version,installs",
    "os_spread": "os,os_version,installs,share",
    "solution_deployments": "week,solution,operation,attempts,succeeded,installs",
    "one_time": "cohort,installs,one_time,too_early,share",
    "error_impact": "fingerprint,type,where,installs,visits,unmatched,left,expected,excess,"
    "ci_low,ci_high,q_value,sentry_url",
    "error_interval": "fingerprint,type,where,installs,visits,unmatched,left,expected,excess,"
    "ci_low,ci_high,q_value,sentry_url",
    "left_after_error": "install,first_seen,last_seen,silent_days,visits,fingerprint,type,"
    "version,os,sentry_url",
}
METRIC_COLUMNS = "value,installs,share"
METRICS = ("os", "os_version", "output", "package_version", "py_version", "timezone")


def fingerprint(error: tuple[str, str]) -> str:
    """The name of an error: of its class and its place, whatever the machine."""
    return hashlib.sha256("\n".join(error).encode()).hexdigest()[:16]


def system() -> tuple[str, str]:
    """OS family of this machine, and its version."""
    if sys.platform == "darwin":
        return "macOS", f"macOS {platform.mac_ver()[0]}"
    release = platform.freedesktop_os_release()
    name = release["NAME"].removesuffix(" GNU/Linux")
    return platform.system(), f"{name} {release.get('VERSION_ID', '')}".strip()


@dataclass(frozen=True)
class Tables:
    """The tables as of a day, of installs whose only visit was on `today`."""

    lived: list[Lived]
    """Those that must be counted: neither refused nor CI."""
    today: date
    as_of: date
    last_day: date

    @property
    def n(self) -> int:
        """Installs."""
        return len(self.lived)

    @property
    def judged(self) -> bool:
        """Whether the horizon of today's visits is over; all of them left then."""
        return self.today + timedelta(days=HORIZON) <= self.as_of

    @property
    def errors(self) -> dict[tuple[str, str], int]:
        """How many installs met each error."""
        return Counter(error for one in self.lived for error in set(_errors(one)))

    def all(self) -> dict[str, list[Row]]:
        """Every file by its name, without its ending."""
        metrics = {f"metric_{name}": self.metric(name) for name in METRICS}
        return {name: list(getattr(self, name)()) for name in COLUMNS} | metrics

    def new_installs(self) -> Iterable[Row]:
        for day in self._days():
            yield day, self.n if day == self.today else 0

    def active_installs(self) -> Iterable[Row]:
        for day in self._days():
            age = (day - self.today).days
            yield day, *(self.n if age < span else 0 for span in (1, 7, 30))

    def lifecycle(self) -> Iterable[Row]:
        for number, week in enumerate(self._weeks()):
            yield week, self.n if number == 0 else 0, 0, 0, self.n if number == 1 else 0

    def retention(self) -> Iterable[Row]:
        cohort = monday(self.today)
        for number, week in enumerate(self._weeks()):
            active = self.n if number == 0 else 0
            over = week + timedelta(days=6) <= self.as_of
            yield (
                *(cohort, self.n, number),
                *((active, active / self.n) if over else (None, None)),
            )

    def version_adoption(self) -> Iterable[Row]:
        for version, n in Counter(_last(one).version for one in self.lived).items():
            yield monday(self.today), version, n

    def os_spread(self) -> Iterable[Row]:
        yield *system(), self.n, 1.0

    def solution_deployments(self) -> Iterable[Row]:
        runs: dict[tuple[str, str], list[tuple[Run, Lived]]] = defaultdict(list)
        for one in self.lived:
            for run in one.household.runs:
                runs[run.solution, run.command].append((run, one))
        for key, done in runs.items():
            succeeded = sum(run.succeeds for run, _ in done)
            installs = len({one.install for _, one in done})
            yield monday(self.today), *key, len(done), succeeded, installs

    def one_time(self) -> Iterable[Row]:
        month = f"{self.today:%Y-%m}"
        yield (month, self.n, self.n, 0, 1.0) if self.judged else (month, self.n, 0, self.n, None)

    def error_impact(self) -> Iterable[Row]:
        """Everyone left, or nobody can be judged: so no error cost anyone anything."""
        for error, n in self.errors.items():
            if self.judged:
                numbers: Row = (n, 0, n, float(n), 0.0, 0.0, 0.0, 1.0)
            else:
                numbers = (0, 0, 0, None, None, None, None, None)
            yield fingerprint(error), *error, n, *numbers, None

    error_interval = error_impact

    def left_after_error(self) -> Iterable[Row]:
        for one in self.lived if self.judged else []:
            errors = _errors(one)
            if errors:
                seen = self.today, self.today, (self.as_of - self.today).days, 1
                error = fingerprint(errors[-1]), errors[-1][0]
                yield one.install, *seen, *error, _last(one).version, system()[0], None

    def metric(self, name: str) -> list[Row]:
        """A metric's values, each install's by its last report."""
        python = ".".join(map(str, sys.version_info[:3]))
        family, version = system()
        values = [
            {
                "os": family,
                "os_version": version,
                "output": "terminal" if one.household.terminal else "pipe",
                "package_version": _last(one).version,
                "py_version": python,
                "timezone": one.household.timezone,
            }[name]
            for one in self.lived
        ]
        return [(value, n, n / self.n) for value, n in Counter(values).items()]

    def _days(self) -> list[date]:
        return [
            self.today + timedelta(days=n) for n in range((self.last_day - self.today).days + 1)
        ]

    def _weeks(self) -> list[date]:
        return sorted({monday(day) for day in self._days()})


def monday(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def _last(one: Lived) -> Run:
    return one.household.runs[-1]


def _errors(one: Lived) -> list[tuple[str, str]]:
    return [run.error for run in one.household.runs if run.error]
