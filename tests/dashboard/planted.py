"""Simulated projects whose errors cost a known number of users, many at a time.

Made to be hard in the ways that life is: users differ in loyalty, which no report tells, and the
loyal come more often and upgrade sooner; leaving depends on the visit's number, the OS, the
month and the version besides; the same few installs meet the same error again and again; two
errors may meet in a visit. What holds of `ERRORS`, and of `ADVERSE` does not, is what the
estimator assumes: among like visits, who meets an error is not who leaves anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DAYS = 400
"""Simulated days of a project; the last is the as-of day."""

HORIZON = 30
SYSTEMS = ("Linux", "macOS", "Windows")
WINDOWS = 2
RELEASES = (0, 60, 130, 200, 260, 330)
"""The day each version came out."""

BAD = 3
"""The version, counted from 0, that is faulty and drew many newcomers."""


@dataclass(frozen=True)
class Moment:
    """The visits with one number, of all installs still there."""

    number: int
    version: Ints
    system: Ints
    met: Bools
    """Which errors they have met so far: a column for each before the one in question."""


Luck = Literal["even", "repeated", "disloyal"]
"""How oftener one install meets an error than another: not at all; a few do again and again;
the disloyal do."""


@dataclass(frozen=True)
class Error:
    """An error: the chance that a visit meets it, and the users it drives away.

    Args:
        chance: probability that a visit meets it, for an install of average luck.
        effect: least and greatest probability of leaving because of it; each project draws its
            own between them.
    """

    name: str
    chance: Callable[[Moment], npt.NDArray[np.floating] | float]
    effect: tuple[float, float] = (0.0, 0.0)
    luck: Luck = "repeated"

    @property
    def harmless(self) -> bool:
        """Nobody leaves because of it."""
        return self.effect == (0.0, 0.0)


def _heavy(number: int) -> float:
    return min(1.0, (number - 1) / 20)


ERRORS = (
    Error("drives users away", lambda at: 0.03, (0.05, 0.5)),
    Error("drives heavy users away", lambda at: 0.06 * _heavy(at.number), (0.05, 0.3)),
    Error("comes with a bad version", lambda at: 0.15 * (at.version == BAD), (0.05, 0.4)),
    Error("harmless, met by first-timers", lambda at: 0.12 * (at.number == 1), luck="even"),
    Error("harmless, met on Windows", lambda at: 0.10 * (at.system == WINDOWS)),
    Error("harmless, met by heavy users", lambda at: 0.06 * _heavy(at.number)),
)
"""What the estimator is for."""

ADVERSE = (
    Error("drives users away", lambda at: 0.03, (0.05, 0.5)),
    Error(
        "harmless, half the time with that one", lambda at: 0.01 + 0.5 * at.met[:, 0], luck="even"
    ),
    Error("harmless, met by the disloyal", lambda at: 0.03, luck="disloyal"),
    Error("harmless, met by all on one version", lambda at: 0.9 * (at.version == 1), luck="even"),
    Error("harmless, on every third visit only", lambda at: 0.1 * (at.number == 3)),
    Error("harmless, met ten times in all", lambda at: 0.001),
)
"""What it can't tell, or not well."""


@dataclass
class Visits:
    """Every visit of some projects, a row each, as columns; days count from 0."""

    project: Ints
    install: Ints
    day: Ints
    number: Ints
    version: Ints
    system: Ints
    met: Bools
    """A column an error."""
    stays: Floats
    """Probability of coming back within the horizon but for errors; no report tells it."""
    effects: Floats
    """Probability of leaving because of an error, if it is met: a column an error."""
    left: Bools
    """Whether no visit follows within the horizon, for either reason."""

    @property
    def judged(self) -> Bools:
        """Which are not censored."""
        return self.day < DAYS - HORIZON

    def planted(self) -> Floats:
        """Users an error costs by design: a row a visit, a column an error.

        The probability that the user leaves because of it and would not have left otherwise, be
        it anyway or because of another error: 0 where the error was not met.
        """
        kept = np.where(self.met, 1 - self.effects, 1.0)
        others = np.prod(kept, axis=1, keepdims=True) / kept
        return np.where(self.met, self.effects * others, 0.0) * self.stays[:, None]


def simulate(projects: int, installs: int, seed: int, errors: tuple[Error, ...] = ERRORS) -> Visits:
    """Simulate that many projects of that many installs each."""
    rng = np.random.default_rng(seed)
    crowd = _Crowd.arriving(projects, installs, errors, rng)
    rounds: list[Visits] = []
    while len(crowd.install):
        visits, crowd = _round(crowd, len(rounds) + 1, errors, rng)
        rounds.append(visits)
    columns = {
        name: np.concatenate([getattr(each, name) for each in rounds])
        for name in Visits.__dataclass_fields__
    }
    return Visits(**columns)


@dataclass
class _Crowd:
    """The installs still there, a row each, before their next visit."""

    project: Ints
    install: Ints
    day: Ints
    loyalty: Floats
    pace: Floats
    """Scale of the gaps between visits, in days."""
    eagerness: Floats
    """Probability of taking the newest version at a visit."""
    system: Ints
    version: Ints
    luck: Floats
    """A column an error: how much oftener than others the install meets it."""
    effects: Floats

    @classmethod
    def arriving(
        cls, projects: int, installs: int, errors: tuple[Error, ...], rng: np.random.Generator
    ) -> _Crowd:
        n = projects * installs
        project = np.repeat(np.arange(projects), installs)
        loyalty = rng.normal(size=n)
        day = _arrivals(n, rng)
        lag = rng.random(n) < 0.1  # from a distribution that lags behind
        low, high = np.array([error.effect for error in errors]).T
        planted = rng.uniform(low, high, size=(projects, len(errors)))
        return cls(
            project=project,
            install=np.arange(n),
            day=day,
            loyalty=loyalty,
            pace=np.exp(1.8 - 0.5 * loyalty + rng.normal(0, 0.4, size=n)),
            eagerness=1 / (1 + np.exp(1.5 - 0.7 * loyalty - rng.normal(size=n))),
            system=rng.choice(len(SYSTEMS), n, p=(0.6, 0.2, 0.2)),
            version=np.maximum(_newest(day) - lag, 0),
            luck=np.stack([_luck(error.luck, loyalty, rng) for error in errors], axis=1),
            # Not everybody bears an error as well as the next.
            effects=planted[project] * rng.uniform(0.5, 1.5, size=(n, 1)),
        )

    def only(self, rows: Bools) -> _Crowd:
        return _Crowd(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


def _luck(kind: Luck, loyalty: Floats, rng: np.random.Generator) -> Floats:
    if kind == "disloyal":
        return np.asarray(np.exp(-0.7 * loyalty - 0.7**2 / 2))
    return rng.gamma(0.5, 2.0, size=len(loyalty)) if kind == "repeated" else np.ones(len(loyalty))


def _arrivals(n: int, rng: np.random.Generator) -> Ints:
    """Days of first visits: growth, quiet weekends, and a launch that fades within days."""
    days = np.arange(DAYS)
    weights = (0.5 + days / DAYS) * np.where(days % 7 >= 5, 0.4, 1.0)
    since = days - RELEASES[BAD]
    weights *= 1 + np.where(since >= 0, 4 * np.exp(-np.maximum(since, 0) / 5), 0)
    return rng.choice(DAYS, n, p=weights / weights.sum())


def _newest(day: Ints) -> Ints:
    return np.searchsorted(RELEASES, day, side="right") - 1


def _round(
    crowd: _Crowd, number: int, errors: tuple[Error, ...], rng: np.random.Generator
) -> tuple[Visits, _Crowd]:
    """Let everybody still there make one visit; returns the visits and who comes once more."""
    n = len(crowd.install)
    upgrades = (rng.random(n) < crowd.eagerness) & (number > 1)
    version = np.where(upgrades, _newest(crowd.day), crowd.version)
    leaving = _leaving(crowd, number, version)
    leaves = rng.random(n) < leaving
    at = Moment(number, version, crowd.system, np.zeros((n, 0), dtype=bool))
    for error, luck in zip(errors, crowd.luck.T, strict=True):
        met = rng.random(n) < np.minimum(error.chance(at) * luck, 0.9)
        at = replace(at, met=np.column_stack([at.met, met]))
    # Leaving anyway was drawn before, and each error has its own draw: nothing depends on these.
    driven = (at.met & (rng.random(at.met.shape) < crowd.effects)).any(axis=1)
    visits = Visits(
        project=crowd.project,
        install=crowd.install,
        day=crowd.day,
        number=np.full(n, number),
        version=version,
        system=crowd.system,
        met=at.met,
        stays=1 - leaving,
        effects=crowd.effects,
        left=leaves | driven,
    )
    day = crowd.day + _gaps(crowd.pace, leaves, rng)
    crowd = replace(crowd, day=day, version=version)
    return visits, crowd.only(~driven & (day < DAYS))


def _leaving(crowd: _Crowd, number: int, version: Ints) -> Floats:
    """Probability of no visit within the horizon, whatever errors are met."""
    season = np.where((crowd.day // 30) % 6 == 5, 0.4, 0.0)
    odds = (
        -2.6
        + 2.6 / number
        - 1.0 * crowd.loyalty
        + 0.5 * (crowd.system == WINDOWS)
        + 0.3 * (version == BAD)
        + season
    )
    return np.asarray(1 / (1 + np.exp(-odds)))


def _gaps(pace: Floats, leaves: Bools, rng: np.random.Generator) -> Ints:
    """Days to the next visit: within the horizon for who stays, else much later or never."""
    shape = 0.8
    within = -np.expm1(-((HORIZON / pace) ** shape))
    wait = pace * (-np.log1p(-rng.random(len(pace)) * within)) ** (1 / shape)
    soon = np.minimum(1 + wait.astype(np.int64), HORIZON)
    comes_back = rng.random(len(pace)) < 0.15
    late = HORIZON + 1 + rng.exponential(60, size=len(pace)).astype(np.int64)
    return np.where(leaves, np.where(comes_back, late, DAYS), soon)
