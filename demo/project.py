"""What is simulated: a tool that deploys security software, its releases, users and faults.

All dates hang on the last simulated day, so that the newest release is always a few weeks old.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from math import exp
from typing import Literal

from demo.days import weekday

HORIZON = 30
"""Days without a visit after which a user counts as having left."""

WEEKEND = 0.35
"""How likely a visit is on a Saturday or Sunday, against a working day."""

Character = Literal[
    "drives_away", "heavy_users_only", "first_timers_only", "bad_version", "background"
]


@dataclass(frozen=True)
class Release:
    """A version, how many days before the last simulated one it came, and how much noise it made.

    ``launch`` is the factor by which arrivals exceed the usual on its day.
    """

    version: str
    age: int
    launch: float = 0.0


@dataclass(frozen=True)
class Solution:
    """Something the tool deploys: its popularity, slowness (factor) and polite failures (share)."""

    name: str
    popularity: int
    slowness: float
    failing: float


@dataclass(frozen=True)
class UserKind:
    """How faithful a user is.

    ``leaving(n)`` falls from ``first`` at the first visit towards ``floor``; a leaver comes back
    after more than the horizon with probability ``comeback``; everybody else comes back within
    it, after days that follow a Weibull law (``scale`` in days, ``shape``) and avoid weekends.
    """

    name: str
    share: float
    first: float
    floor: float
    comeback: float
    scale: float
    shape: float

    def leaving(self, number: int) -> float:
        """Probability of no visit within the horizon after the visit of that number (from 1)."""
        return self.floor + (self.first - self.floor) / number

    @cached_property
    def gaps(self) -> tuple[list[float], ...]:
        """For each weekday of a visit: cumulated probabilities of the next one 1, 2, … days on."""
        return tuple(self._gaps_from(start) for start in range(7))

    def _gaps_from(self, start: int) -> list[float]:
        def beyond(days: int) -> float:
            return exp(-((days / self.scale) ** self.shape))

        weights = [
            (beyond(gap - 1) - beyond(gap)) * (WEEKEND if (start + gap) % 7 >= 5 else 1.0)
            for gap in range(1, HORIZON + 1)
        ]
        total = sum(weights)
        return [sum(weights[: i + 1]) / total for i in range(HORIZON - 1)]


@dataclass(frozen=True)
class PlantedError:
    """A fault whose effect is known.

    It strikes a visit with probability ``rate`` if the visit's number, version and OS are its
    own, whatever the user is like; then the user leaves for good with probability ``effect``,
    decided apart from all else. Both together make the truth an estimator has to find.
    """

    type: str
    where: str
    character: Character
    operation: str
    solution: str
    rate: float
    effect: float = 0.0
    first_visit: int = 1
    last_visit: int = 2**31
    version: str | None = None
    os: str | None = None

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits, the same for the same exception from the same place."""
        return sha256(f"{self.type}\n{self.where}".encode()).hexdigest()[:16]

    def meets(self, number: int, version: str, os: str) -> bool:
        """Whether a visit of that number, on that version and OS, can meet it."""
        return (
            self.first_visit <= number <= self.last_visit
            and self.version in (None, version)
            and self.os in (None, os)
        )


RELEASES = (
    Release("1.4.0", 800),
    Release("1.5.0", 655),
    Release("1.6.0", 561, launch=1.0),
    Release("1.6.1", 547),
    Release("2.0.0", 449, launch=5.0),
    Release("2.0.1", 442),
    Release("2.1.0", 344, launch=1.5),
    Release("2.2.0", 232, launch=3.0),
    Release("2.2.1", 155),
    Release("2.3.0", 85, launch=2.0),
    Release("2.3.1", 50),
    Release("2.4.0", 15, launch=1.5),
)

SOLUTIONS = (
    Solution("fail2ban", 28, 0.6, 0.012),
    Solution("clamav", 22, 1.9, 0.034),
    Solution("lets_encrypt", 20, 0.8, 0.045),
    Solution("suricata", 14, 2.4, 0.060),
    Solution("vector", 10, 1.0, 0.020),
    Solution("teler", 6, 0.7, 0.028),
)

KINDS = (
    UserKind("trial", 0.52, first=0.70, floor=0.50, comeback=0.10, scale=5.0, shape=0.8),
    UserKind("occasional", 0.34, first=0.26, floor=0.07, comeback=0.30, scale=11.0, shape=0.9),
    UserKind("heavy", 0.14, first=0.06, floor=0.009, comeback=0.40, scale=3.0, shape=0.8),
)

CI_KIND = UserKind("ci", 1.0, first=0.96, floor=0.03, comeback=0.0, scale=2.0, shape=1.0)
"""A fresh machine a run, as CI services have them, and a few runners that keep their disk."""

ERRORS = (
    PlantedError(
        "ConnectionError",
        "bastion.solutions.suricata:install",
        "drives_away",
        *("install", "suricata"),
        rate=0.011,
        effect=0.30,
    ),
    PlantedError(
        "KeyError",
        "bastion.config:migrate",
        "bad_version",
        *("update", "vector"),
        rate=0.12,
        effect=0.22,
        version="2.3.0",
    ),
    PlantedError(
        "RecursionError",
        "bastion.logs:rotate",
        "heavy_users_only",
        *("get_logs", "clamav"),
        rate=0.03,
        first_visit=21,
    ),
    PlantedError(
        "PermissionError",
        "bastion.setup:write_config",
        "first_timers_only",
        *("init", "fail2ban"),
        rate=0.10,
        last_visit=1,
    ),
    PlantedError(
        "TimeoutError", "bastion.download:fetch", "background", "update", "clamav", rate=0.009
    ),
    PlantedError(
        "FileNotFoundError",
        "bastion.solutions.lets_encrypt:renew",
        "background",
        *("test", "lets_encrypt"),
        rate=0.006,
    ),
    PlantedError(
        "UnicodeDecodeError",
        "bastion.logs:parse",
        "background",
        *("get_logs", "teler"),
        rate=0.025,
        os="Windows",
    ),
)


@dataclass(frozen=True)
class Project:
    """One simulation: the same values give the same reports, byte by byte.

    ``installs`` counts every pseudonym, those of CI (a share of ``ci``) included; ``until`` is
    the last simulated day (days since 1970), ``days`` how many there are.
    """

    installs: int
    days: int
    seed: int
    until: int
    app: str = "bastion"
    ci: float = 0.22
    kinds: tuple[UserKind, ...] = KINDS
    releases: tuple[Release, ...] = RELEASES
    errors: tuple[PlantedError, ...] = ERRORS

    @property
    def name(self) -> str:
        """What tells its random numbers from those of any other project."""
        return f"{self.app} {self.installs} {self.days} {self.seed} {self.until}"

    @property
    def first_day(self) -> int:
        """The first simulated day."""
        return self.until - self.days + 1

    @cached_property
    def release_days(self) -> list[int]:
        """The day of each release: the Tuesday of its week."""
        days = [self.until - release.age for release in self.releases]
        return [day - weekday(day) + 1 for day in days]

    def newest(self, day: int) -> int:
        """Index of the newest release on that day."""
        return max(0, bisect_right(self.release_days, day) - 1)

    @cached_property
    def error_rate(self) -> float:
        """No visit meets an error with a greater probability than this."""
        return sum(error.rate for error in self.errors)
