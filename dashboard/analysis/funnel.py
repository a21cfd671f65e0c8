"""How far installs get with a solution, step by step."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.history import History
from dashboard.analysis.solutions import deployments

STEPS = ("init", "install", "test")
"""Operations in the order of a deployment."""


def funnel(history: History, steps: tuple[str, ...] = STEPS) -> ibis.Table:
    """solution, step, operation, installs, share: how many came to each step in the period.

    An install comes to the first step with its first run of that operation, however it ends, and
    to the next one with its first run of the next operation that is not earlier. `share` is of
    those who came to the first step. A solution that nobody began with the first is left out.
    """
    runs = history.in_period(deployments(history), "day").filter(_.operation.isin(steps))
    runs = runs.select("install", "solution", "operation", "time")
    key = ("install", "solution")
    reached = runs.filter(_.operation == steps[0]).group_by(*key).agg(at_0=_.time.min())
    for step, operation in enumerate(steps[1:], 1):
        taken = runs.filter(_.operation == operation).drop("operation")
        after = reached.inner_join(taken, key)
        after = after.filter(after.time >= after[f"at_{step - 1}"]).group_by(*key)
        came = after.agg(_.time.min().name(f"at_{step}"))
        reached = reached.left_join(came, key).drop("install_right", "solution_right")
    counted = reached.group_by("solution").agg(
        **{f"step_{step}": reached[f"at_{step}"].count() for step in range(len(steps))}
    )
    rows = [
        counted.select(
            "solution",
            step=lit(step + 1),
            operation=lit(operation),
            installs=counted[f"step_{step}"],
            share=counted[f"step_{step}"] / counted.step_0,
        )
        for step, operation in enumerate(steps)
    ]
    return ibis.union(*rows).order_by("solution", "step")
