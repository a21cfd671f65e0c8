"""Small simulated projects for these tests, each simulated once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from demo.project import Project
from demo.reports import of_day, sender
from demo.truth import Observer, Truth
from demo.visits import Visit, simulate

if TYPE_CHECKING:
    from wald.report import Report

UNTIL = 20_000  # 2024-10-04, a Friday


@dataclass(frozen=True)
class Simulated:
    """A project with all its visits and reports, and the observer's account."""

    project: Project
    visits: list[Visit]
    reports: list[Report]
    truth: Truth


@cache
def simulated(installs: int, days: int, seed: int, until: int = UNTIL) -> Simulated:
    project = Project(installs, days, seed, until)
    rng, observer = sender(project), Observer(project)
    visits: list[Visit] = []
    reports: list[Report] = []
    for _, found in simulate(project):
        observer.watch(found)
        visits += found
        reports += of_day(found, project.app, rng)
    return Simulated(project, visits, reports, observer.truth())
