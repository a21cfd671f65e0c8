"""Which metrics were told, and what their values look like."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History
from dashboard.analysis.platforms import metric_spread

YES_OR_NO, NUMBER, TEXT = "yes or no", "number", "text"


def told_metrics(history: History) -> ibis.Table:
    """metric, looks_like, values, installs, example, example_installs: every metric of the period.

    - looks_like: what all its values could be, of `YES_OR_NO`, `NUMBER` and `TEXT`: a version 3.12
      is told as text, and looks like a number
    - values: how many different ones; installs: that told one, by their last report
    - example: the most frequent value, and the installs that told it
    """
    spread = metric_spread(history)
    told = spread.group_by("identifier").agg(
        values=_.count(),
        installs=_.installs.sum(),
        boolean=_.value.isin(["true", "false"]).all(),
        number=_.value.re_search(r"^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$").all(),
        example=_.value.first(order_by=[ibis.desc("installs"), "value"]),
        example_installs=_.installs.max(),
    )
    like = ibis.cases((told.boolean, YES_OR_NO), (told.number, NUMBER), else_=TEXT)
    told = told.mutate(metric=_.identifier, looks_like=like).order_by("metric")
    return told.select("metric", "looks_like", "values", "installs", "example", "example_installs")
