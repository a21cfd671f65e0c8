"""How many of those who came in one week are still there in the weeks after."""

from __future__ import annotations

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.calendar import weeks
from dashboard.analysis.history import History


def retention(history: History) -> ibis.Table:
    """cohort, size, week, active, share: of the cohort, with a visit in its week-th week after.

    The cohort is the week of the first visit; a filter chooses first visits, and whatever
    follows counts. `active` and `share` are null in a week that is not over.
    """
    seen = history.in_period(_seen(history), "cohort", "W")
    counts = seen.group_by("cohort", "active_week").agg(active=_.installs.sum())
    # All were there in their first week.
    sizes = counts.filter(_.active_week == _.cohort).select("cohort", size="active")

    cells = sizes.cross_join(weeks(history).rename(active_week="week"))
    cells = cells.filter(_.active_week >= _.cohort)
    cells = cells.left_join(counts, ["cohort", "active_week"])
    over = (cells.active_week + ibis.interval(days=6)).cast("date") <= lit(history.scope.as_of)
    count = ibis.ifelse(over, cells.active.fill_null(0), ibis.null("int64"))
    return cells.select(
        "cohort",
        "size",
        week=(cells.active_week.delta(cells.cohort, unit="day") / 7).cast("int64"),
        active=count,
        share=count / cells["size"],
    ).order_by("cohort", "week")


def _seen(history: History) -> ibis.Table:
    """cohort, active_week, installs: of those that came in one week, with a visit in another."""
    weeks = {"cohort": "first_week", "active_week": "week"}
    if not history.scope.filtered:
        seen = history.lives.filter(_.before > 0)  # the first visit of its week
        return seen.select(**weeks, installs=_.visits)
    first = history.filtered_visits.filter(_.number == 1)
    seen = history.visits.filter(_.week_gap.fill_null(1) > 0).semi_join(first, "install")
    return seen.select(**weeks, installs=1)
