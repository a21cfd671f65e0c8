"""What a user does in a visit: a few runs of the tool, with their times and outcomes."""

from __future__ import annotations

from math import exp
from random import Random
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from demo.days import DAY_MS
from demo.population import Install
from demo.project import SOLUTIONS, PlantedError

if TYPE_CHECKING:
    from wald.report import MetricValue, Outcome


SECONDS = {
    "init": 1.8,
    "install": 38.0,
    "test": 7.0,
    "update": 16.0,
    "uninstall": 5.0,
    "get_logs": 1.2,
}
"""Median duration of each operation."""

ROUTINE: tuple[str, ...] = (
    *("test",) * 30,
    *("get_logs",) * 30,
    *("update",) * 24,
    *("install",) * 9,
    *("uninstall",) * 4,
    *("init",) * 3,
)
"""What a returning user does, as a deck to draw from: much faster than weighted choices."""

HOURS = (
    *(0, 1, 5, 6, 22, 23),
    *(hour for hour in (7, 8, 18, 19, 20, 21) for _ in range(2)),
    *(hour for hour in range(9, 18) for _ in range(6)),
)
"""Local hours at which people work, as a deck."""

SPREAD = tuple(exp(0.6 * NormalDist().inv_cdf((i + 0.5) / 512)) for i in range(512))
"""A log-normal factor for durations, as a deck."""

POPULAR = tuple(s.name for s in SOLUTIONS for _ in range(s.popularity))
MEDIAN_MS = {
    (operation, name): 1_000 * seconds * slowness
    for operation, seconds in SECONDS.items()
    for name, slowness in [(None, 1.0), *((s.name, s.slowness) for s in SOLUTIONS)]
}
FAILING = {s.name: s.failing for s in SOLUTIONS} | {None: 0.01}


class Run(NamedTuple):
    """One run of the tool; ``time`` is when it ended, in ms UTC."""

    time: int
    operation: str
    solution: str | None
    outcome: Outcome
    duration_ms: int
    error: PlantedError | None
    metrics: dict[str, MetricValue]


Step = tuple[str, str | None]
Attempt = tuple[str, str | None, PlantedError | None]


def steps(install: Install, rng: Random) -> list[Step]:
    """What the user sets out to do: getting started at first, routine later."""
    if install.ci:
        return [("install" if rng.random() < 0.7 else "test", install.solutions[0])]
    if install.visits == 1:
        return _first_steps(install.solutions[0], rng)
    found = [_routine(install, rng)]
    while rng.random() < 0.42 and len(found) < 12:
        found.append(_routine(install, rng))
    return found


def _first_steps(solution: str, rng: Random) -> list[Step]:
    reached = rng.random()
    if reached > 0.84:
        return [("init", solution)]
    if reached > 0.62:
        return [("init", solution), ("install", solution)]
    return [("init", solution), ("install", solution), ("test", solution)]


def _routine(install: Install, rng: Random) -> Step:
    operation = ROUTINE[int(rng.random() * len(ROUTINE))]
    if operation == "get_logs" and rng.random() < 0.3:
        return operation, None  # the logs of everything
    if operation in ("init", "install"):
        solution = POPULAR[int(rng.random() * len(POPULAR))]
        if solution not in install.solutions:
            install.solutions.append(solution)
        return operation, solution
    return operation, install.solutions[int(rng.random() * len(install.solutions))]


def runs(
    install: Install,
    day: int,
    before: dict[str, MetricValue] | None,
    error: PlantedError | None,
    rng: Random,
) -> list[Run]:
    """The runs of one visit, in time order, all on that day.

    With ``before`` (the metrics of the version left behind) the tool first updates itself; with
    ``error`` one more run crashes with it, and now and then a second try does.
    """
    planned: list[Attempt] = [(*step, None) for step in steps(install, rng)]
    if error is not None:
        crashes = [(error.operation, error.solution, error)] * (2 if rng.random() < 0.25 else 1)
        # Who cannot start meets it before all else; any other fault comes out of the day's work.
        place = 0 if error.operation == "init" else len(planned)
        planned[place:place] = crashes
    time = _start(install, day, rng)
    done: list[Run] = []
    if before is not None:
        duration = _duration("update", None, rng)
        done.append(Run(time, "update", None, "ok", duration, None, before))
        time += 5_000
    for operation, solution, fault in planned:
        duration = _duration(operation, solution, rng)
        time += duration
        outcome: Outcome = "error" if fault else _outcome(solution, rng)
        done.append(Run(time, operation, solution, outcome, duration, fault, install.metrics))
        time += 3_000 + int(600_000 * rng.random() ** 3)
    # A visit is one UTC day: who worked past its end began that much earlier.
    late = done[-1].time - ((day + 1) * DAY_MS - 1_000)
    return [run._replace(time=run.time - late) for run in done] if late > 0 else done


def _start(install: Install, day: int, rng: Random) -> int:
    hour = HOURS[int(rng.random() * len(HOURS))]
    minutes = (hour * 60 - install.utc_offset) % 1440
    return day * DAY_MS + min(minutes * 60_000 + int(rng.random() * 3_600_000), DAY_MS - 1)


def _duration(operation: str, solution: str | None, rng: Random) -> int:
    return int(MEDIAN_MS[operation, solution] * SPREAD[int(rng.random() * len(SPREAD))])


def _outcome(solution: str | None, rng: Random) -> Outcome:
    drawn = rng.random()
    if drawn < FAILING[solution]:
        return "error"  # said politely, without a crash
    return "cancelled" if drawn > 0.985 else "ok"
