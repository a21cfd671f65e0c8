"""How far installs get with a solution, step by step."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.history import History

STEPS = ("init", "install", "test")
"""Operations in the order of a deployment."""


def funnel(history: History, steps: tuple[str, ...] = STEPS) -> ibis.Table:
    """solution, step, operation, installs, share: how many came to each step in the period.

    An install comes to the first step with its first run of that operation, however it ends, and
    to the next one with its first run of the next operation that is not earlier. `share` is of
    those who came to the first step. A solution that nobody began with the first is left out.
    """
    # By the number of a solution's first task, which is quicker to compare than its name.
    number = history.tasks.task.min().over(ibis.window(group_by="solution"))
    tasks = history.tasks.mutate(number=number).filter(_.operation.isin(steps))
    runs = history.in_period(history.filtered_deployments, "day")
    key = ("install", "number")
    reached: list[ibis.Table] = []
    for operation in steps:
        tried = tasks.filter(_.operation == operation).select("task", "number")
        taken = runs.inner_join(tried, "task").select(*key, "time")
        if reached:
            before = reached[-1].rename(since="time")
            taken = taken.inner_join(before, key).filter(_.time >= _.since)
        reached.append(taken.group_by(*key).agg(time=_.time.min()))
    counts = [came.group_by("number").agg(installs=_.count()) for came in reached]
    named = tasks.select("number", "solution").distinct()
    named = named.inner_join(counts[0].rename(begun="installs"), "number")
    rows = [
        named.left_join(count, "number").select(
            "solution",
            step=lit(step),
            operation=lit(operation),
            installs=_.installs.fill_null(0),
            share=_.installs.fill_null(0) / _.begun,
        )
        for step, (operation, count) in enumerate(zip(steps, counts, strict=True), 1)
    ]
    return ibis.union(*rows).order_by("solution", "step")
