"""Who uses the tool: when they arrive, and on what machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from random import Random
from typing import TYPE_CHECKING, TypeVar

from demo.days import iso, weekday
from demo.project import CI_KIND, SOLUTIONS, WEEKEND, Project, UserKind
from wald.report import pseudonym

if TYPE_CHECKING:
    from wald.report import MetricValue

T = TypeVar("T")

# Name, then its share on the first simulated day and on the last.
Shifting = tuple[str, float, float]

PLATFORMS: tuple[tuple[str, str, float, float], ...] = (
    ("Linux", "Debian 11", 9, 2),
    ("Linux", "Debian 12", 22, 13),
    ("Linux", "Debian 13", 0, 12),
    ("Linux", "Ubuntu 22.04", 20, 7),
    ("Linux", "Ubuntu 24.04", 3, 20),
    ("Linux", "Fedora 42", 5, 6),
    ("Linux", "Rocky Linux 9", 7, 6),
    ("Linux", "Alpine 3.21", 3, 4),
    ("macOS", "macOS 14.7", 14, 4),
    ("macOS", "macOS 15.5", 2, 13),
    ("Windows", "Windows 10", 10, 3),
    ("Windows", "Windows 11", 5, 10),
)
SUCCESSORS = {
    "Debian 11": "Debian 12",
    "Debian 12": "Debian 13",
    "Ubuntu 22.04": "Ubuntu 24.04",
    "macOS 14.7": "macOS 15.5",
    "Windows 10": "Windows 11",
}
PYTHONS: tuple[Shifting, ...] = (
    ("3.11.2", 36, 14),
    ("3.11.13", 16, 4),
    ("3.12.3", 24, 24),
    ("3.12.11", 18, 8),
    ("3.13.5", 6, 38),
    ("3.14.0", 0, 12),
)
MODES: tuple[Shifting, ...] = (("host", 68, 46), ("container", 24, 40), ("cluster", 8, 14))
TIMEZONES: tuple[tuple[str, int], ...] = (
    ("UTC+01:00", 28),
    ("UTC+00:00", 14),
    ("UTC-05:00", 14),
    ("UTC+02:00", 11),
    ("UTC-08:00", 10),
    ("UTC+05:30", 8),
    ("UTC+08:00", 6),
    ("UTC-03:00", 5),
    ("UTC+09:00", 4),
)
EAGERNESS = ((0.55, 0.45), (0.12, 0.40), (0.015, 0.15))
"""Probability of upgrading at a visit when a newer version is out, and the share of such users."""


@dataclass(slots=True)
class Install:
    """One machine's copy of the tool, as the simulation carries it from visit to visit."""

    pseudonym: str
    kind: UserKind
    ci: bool
    first_day: int
    last_day: int
    visits: int
    release: int
    eagerness: float
    utc_offset: int
    """Minutes."""
    solutions: list[str]
    metrics: dict[str, MetricValue]
    """Replaced, never changed in place: reports of earlier runs hold on to it."""


def arrivals(project: Project, rng: Random) -> list[int]:
    """How many installs have their first visit on each simulated day."""
    days = range(project.first_day, project.until + 1)
    weights = [_attraction(project, day) for day in days]
    drawn = Counter(rng.choices(days, weights, k=project.installs))
    return [drawn[day] for day in days]


def _attraction(project: Project, day: int) -> float:
    """Growth, the rhythm of week and year, and launches that fade within days."""
    growth = 0.3 + 0.7 * _progress(project, day)
    rhythm = 0.5 if weekday(day) >= 5 else 1.0
    if iso(day)[5:] >= "12-22" or iso(day)[5:] <= "01-02":
        rhythm *= WEEKEND
    since = zip(project.releases, project.release_days, strict=True)
    launch = sum(r.launch * exp(-(day - out) / 4) for r, out in since if day >= out)
    return growth * rhythm * (1 + launch)


def _progress(project: Project, day: int) -> float:
    return (day - project.first_day) / max(1, project.days - 1)


def newcomer(project: Project, day: int, rng: Random) -> Install:
    """An install before its first visit, which is on that day."""
    ci = rng.random() < project.ci
    release = project.newest(day)
    if release and not ci and rng.random() < 0.06:
        release -= 1  # from a distribution that lags behind
    metrics = _machine(_progress(project, day), ci, rng)
    metrics["package_version"] = project.releases[release].version
    return Install(
        pseudonym=pseudonym(rng.randbytes(32)),
        kind=CI_KIND if ci else _draw(project.kinds, [k.share for k in project.kinds], rng),
        ci=ci,
        first_day=day,
        last_day=day,
        visits=0,
        release=release,
        eagerness=1.0 if ci else _draw(EAGERNESS, [share for _, share in EAGERNESS], rng)[0],
        utc_offset=_minutes(str(metrics["timezone"])),
        solutions=[_draw(SOLUTIONS, [s.popularity for s in SOLUTIONS], rng).name],
        metrics=metrics,
    )


def _machine(progress: float, ci: bool, rng: Random) -> dict[str, MetricValue]:
    """Every metric but the package's version; ``progress`` runs from 0 to 1 over the project."""
    platforms = PLATFORMS[:5] if ci else PLATFORMS  # CI services run Debian and Ubuntu
    shares = [old + (new - old) * progress for _, _, old, new in platforms]
    family, version, _, _ = _draw(platforms, shares, rng)
    mode = "container" if ci else _draw_shifting(MODES, progress, rng)
    return {
        "os": family,
        "os_version": version,
        "py_version": _draw_shifting(PYTHONS, progress, rng),
        "timezone": "UTC+00:00" if ci else _draw(TIMEZONES, [w for _, w in TIMEZONES], rng)[0],
        "deployment_mode": mode,
        "hosts": 3 + int(rng.random() ** 2 * 10) if mode == "cluster" else 1,
    }


def age(install: Install, project: Project, day: int, rng: Random) -> None:
    """What may have changed on a machine since its last visit: an OS upgrade, one host more."""
    metrics = install.metrics
    successor = SUCCESSORS.get(str(metrics["os_version"]))
    if successor and rng.random() < 0.006 * _progress(project, day):
        install.metrics = {**install.metrics, "os_version": successor}
    if metrics["deployment_mode"] != "container" and rng.random() < 0.004:
        install.metrics = {**install.metrics, "hosts": int(metrics["hosts"]) + 1}


def _draw(options: Sequence[T], weights: Sequence[float], rng: Random) -> T:
    return rng.choices(options, weights)[0]


def _draw_shifting(options: Sequence[Shifting], progress: float, rng: Random) -> str:
    weights = [old + (new - old) * progress for _, old, new in options]
    return _draw(options, weights, rng)[0]


def _minutes(offset: str) -> int:
    hours, minutes = offset.removeprefix("UTC").split(":")
    return int(hours) * 60 + (-int(minutes) if hours[0] == "-" else int(minutes))
