"""The gaps between what a filter chooses, whatever lay between.

They are found by sorting, which takes longer than anything that is asked of them: so as little as
can be is sorted along and kept, and what else there was follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping

import ibis
from ibis import _

from dashboard.analysis.engines import kept


def between_visits(visits: ibis.Table, profiles: ibis.Table) -> ibis.Table:
    """Visits, as `History.chosen_visits` has them, with the gaps between them.

    Args:
        visits: the same, and install.
    """
    life = ibis.window(group_by="install", order_by="day")
    narrow = visits.select(
        *("day", "is_new", "profile"),
        last_day=_.day.lag().over(life),
        next_day=_.day.lead().over(life),
    )
    narrow = kept(narrow, "between_visits")
    week = narrow.day.truncate("W")
    gaps = {
        "week": week,
        "week_gap": _weeks_between(narrow.last_day.truncate("W"), week),
        "next_gap": narrow.next_day.delta(narrow.day, unit="day"),
        "next_week_gap": _weeks_between(week, narrow.next_day.truncate("W")),
    }
    told = _like(visits, narrow, gaps).inner_join(profiles.select("profile", "version"), "profile")
    return told.select(*visits.drop("install").columns)


def between_deployments(runs: ibis.Table, tasks: ibis.Table) -> ibis.Table:
    """Deployments, as `History.chosen_deployments` has them, with the gaps between them."""
    # A solution by the number of its first task.
    number = tasks.task.min().over(ibis.window(group_by="solution"))
    narrow = runs.select("install", "day", "task", "succeeded")
    narrow = narrow.inner_join(tasks.select("task", number=number), "task")
    for key, last in (("task", "last_day"), ("number", "last_solution_day")):
        life = ibis.window(group_by=["install", key], order_by="day")
        narrow = narrow.mutate(**{last: _.day.lag().over(life)})
    week = narrow.day.truncate("W")
    gaps: dict[str, ibis.Value] = {"week": week}
    for last, before in ((narrow.last_day, ""), (narrow.last_solution_day, "solution_")):
        gaps[f"{before}gap"] = narrow.day.delta(last, unit="day")
        gaps[f"{before}week_gap"] = _weeks_between(last.truncate("W"), week)
    return _like(runs, narrow, gaps).select(*runs.columns)


def _like(stored: ibis.Table, narrow: ibis.Table, gaps: Mapping[str, ibis.Value]) -> ibis.Table:
    """Add gaps, each of the type that it is stored as, so that both kinds go into one table."""
    return narrow.mutate(**{name: gap.cast(stored[name].type()) for name, gap in gaps.items()})


def _weeks_between(first: ibis.Value, second: ibis.Value) -> ibis.Value:
    """Between two Mondays."""
    return second.delta(first, unit="day") // 7
