"""When users come, what they meet, and whether it drives them away.

Day by day, so that only the installs still expected are held in memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from demo.days import weekday
from demo.population import Install, age, arrivals, newcomer
from demo.project import HORIZON, PlantedError, Project, UserKind
from demo.session import Run, runs

if TYPE_CHECKING:
    from wald.report import MetricValue


class Visit(NamedTuple):
    """An install on a day, with what only the simulation knows.

    ``leaving`` is the probability of leaving here that the user brought along, ``would_leave``
    how it fell out, ``driven_away`` whether the error made the user leave for good besides;
    ``next_day`` is the day of the next visit (None: never), be it after the simulated time.
    """

    install: str
    ci: bool
    first_day: int
    day: int
    number: int
    gap: int | None
    runs: list[Run]
    error: PlantedError | None
    leaving: float
    would_leave: bool
    driven_away: bool
    next_day: int | None


def simulate(project: Project) -> Iterator[tuple[int, list[Visit]]]:
    """Each simulated day with its visits."""
    rng = Random(f"visits of {project.name}")
    expected: defaultdict[int, list[Install]] = defaultdict(list)
    for day, arriving in enumerate(arrivals(project, rng), project.first_day):
        present = expected.pop(day, [])
        present += [newcomer(project, day, rng) for _ in range(arriving)]
        visits = []
        for install in present:
            visit = _visit(install, project, day, rng)
            visits.append(visit)
            if visit.next_day is not None and visit.next_day <= project.until:
                expected[visit.next_day].append(install)
        yield day, visits


def _visit(install: Install, project: Project, day: int, rng: Random) -> Visit:
    gap = day - install.last_day if install.visits else None
    install.visits += 1
    install.last_day = day
    before = _upgrade(install, project, day, rng)
    error = _strike(install, project, rng)
    leaving = install.kind.leaving(install.visits)
    would_leave = rng.random() < leaving
    next_day = _next_day(install.kind, day, would_leave, rng)
    driven_away = error is not None and rng.random() < error.effect
    return Visit(
        install=install.pseudonym,
        ci=install.ci,
        first_day=install.first_day,
        day=day,
        number=install.visits,
        gap=gap,
        runs=runs(install, day, before, error, rng),
        error=error,
        leaving=leaving,
        would_leave=would_leave,
        driven_away=driven_away,
        next_day=None if driven_away else next_day,
    )


def _upgrade(
    install: Install, project: Project, day: int, rng: Random
) -> dict[str, MetricValue] | None:
    """Let the machine age and perhaps take the newest version; returns the metrics before that."""
    if install.visits > 1:
        age(install, project, day, rng)
    newest = project.newest(day)
    if install.release == newest or install.visits == 1 or rng.random() >= install.eagerness:
        return None
    before = install.metrics
    install.release = newest
    install.metrics = {**before, "package_version": project.releases[newest].version}
    return before


def _strike(install: Install, project: Project, rng: Random) -> PlantedError | None:
    """At most one fault a visit, so that the effect of each stands alone."""
    drawn = rng.random()
    if drawn >= project.error_rate:
        return None
    version, os = str(install.metrics["package_version"]), str(install.metrics["os"])
    for error in project.errors:
        if install.ci and error.character != "background":
            continue  # the other faults are about people
        if error.meets(install.visits, version, os):
            drawn -= error.rate
            if drawn < 0:
                return error
    return None


def _next_day(kind: UserKind, day: int, leaves: bool, rng: Random) -> int | None:
    if not leaves:
        return day + 1 + bisect_right(kind.gaps[weekday(day)], rng.random())
    if rng.random() < kind.comeback:  # a Pareto tail: months later, some years later
        return day + HORIZON + 1 + int(30 * ((1 - rng.random()) ** (-1 / 1.2) - 1))
    return None
