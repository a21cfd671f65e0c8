"""How far installs get with a solution, step by step."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.engines import kept
from dashboard.analysis.history import History
from dashboard.schema import JOURNEY

STEPS = tuple(JOURNEY.values())
"""Operations in the order of a deployment."""


def funnel(history: History) -> ibis.Table:
    """solution, step, operation, installs, share: how many came to each step in the period.

    An install comes to the first step with its first run of that operation, however it ends, and
    to the next one with its first run of the next operation that is not earlier. `share` is of
    those who came to the first step. A solution that nobody began with the first is left out.
    """
    scope = history.scope
    begun_before = scope.since or scope.ends_early
    chosen = scope.filtered and not scope.only_solutions
    as_stored = history.counted and not (begun_before or chosen)
    came = kept(_of_all_time(history) if as_stored else _found(history), "came")
    first = came[next(iter(JOURNEY))]
    rows = [
        came.select(
            "solution",
            step=lit(step),
            operation=lit(operation),
            installs=came[name],
            share=came[name] / first,
        )
        for step, (name, operation) in enumerate(JOURNEY.items(), 1)
    ]
    return ibis.union(*rows).order_by("solution", "step")


def _of_all_time(history: History) -> ibis.Table:
    """solution, and how many came to each step of `JOURNEY`: as stored."""
    journeys = history.counts("journeys")
    if history.scope.solutions:
        journeys = journeys.filter(_.solution.isin(history.scope.solutions))
    return journeys.group_by("solution").agg(**{step: _[step].count() for step in JOURNEY})


def _found(history: History) -> ibis.Table:
    """The same, found among the deployments of the period."""
    # By the number of a solution's first task, which is quicker to compare than its name.
    number = history.tasks.task.min().over(ibis.window(group_by="solution"))
    tasks = history.tasks.mutate(number=number).filter(_.operation.isin(STEPS))
    runs = history.in_period(history.filtered_deployments, "day")
    key = ("install", "number")
    counts = tasks.select("number", "solution").distinct()
    before: ibis.Table | None = None
    for step, operation in JOURNEY.items():
        tried = tasks.filter(_.operation == operation).select("task", "number")
        taken = runs.inner_join(tried, "task").select(*key, "time")
        if before is not None:
            taken = taken.inner_join(before, key).filter(_.time >= _.since)
        came = taken.group_by(*key).agg(time=_.time.min())
        counted = came.group_by("number").agg(**{step: _.count()})
        joined = counts.join(counted, "number", how="left" if before is not None else "inner")
        counts = joined.select(*counts.columns, **{step: _[step].fill_null(0)})
        before = came.rename(since="time")
    return counts.drop("number")
