"""Curves as the points and paths of an SVG, for pages that must do without a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from dashboard.words import count

WIDTH, HEIGHT = 640, 200
"""Of the picture, in its own units; the page scales it."""

LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 24
"""Room around the curve, for the axes."""

STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Mark:
    """A place on an axis, or a point of the curve."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Curve:
    """A line over time from zero; a gap where nothing is told."""

    lines: tuple[str, ...]
    """Paths, each between two gaps."""
    areas: tuple[str, ...]
    """The same, closed along the ground."""
    points: tuple[Mark, ...]
    heights: tuple[Mark, ...]
    times: tuple[Mark, ...]


def curve(values: Sequence[tuple[date, int | None]]) -> Curve:
    """Lay out a curve: days in order, and a count each."""
    top = max((value or 0 for _, value in values), default=0)
    step = _step(top)
    ceiling = max(step, -(-top // step) * step)
    ground = HEIGHT - BOTTOM

    def across(place: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * place / max(1, len(values) - 1), 1)

    def up(value: float) -> float:
        return round(ground - (ground - TOP) * value / ceiling, 1)

    points: list[Mark] = []
    runs: list[list[Mark]] = [[]]
    for place, (when, value) in enumerate(values):
        if value is None:
            runs.append([])
            continue
        mark = Mark(across(place), up(value), f"{when.day} {when:%b %Y}: {value:,}")
        points.append(mark)
        runs[-1].append(mark)
    whole = [run for run in runs if run]
    paths = ["M" + " L".join(f"{mark.x} {mark.y}" for mark in run) for run in whole]
    return Curve(
        lines=tuple(paths),
        areas=tuple(
            f"{path} L{run[-1].x} {ground} L{run[0].x} {ground} Z"
            for path, run in zip(paths, whole, strict=True)
        ),
        points=tuple(points),
        heights=tuple(Mark(LEFT, up(value), count(value)) for value in range(0, ceiling + 1, step)),
        times=tuple(_months(values, across)),
    )


def _step(top: int) -> int:
    """A round distance that about four heights fit into."""
    size = 1
    while True:
        for step in STEPS:
            if top <= 4 * step * size:
                return step * size
        size *= 10


def _months(
    values: Sequence[tuple[date, int | None]], across: Callable[[int], float]
) -> list[Mark]:
    starts = [
        place
        for place, (when, _) in enumerate(values)
        if place and when.month != values[place - 1][0].month
    ]
    every = max(1, -(-len(starts) // 6))
    return [
        Mark(across(place), HEIGHT - 6, f"{values[place][0]:%b %Y}") for place in starts[::every]
    ]
