"""What can be said about the data itself. Markdown, safe to show."""

from __future__ import annotations

import pandas as pd

from dashboard.words import count, counted, day, percent, plain_markdown


def arrivals(frame: pd.DataFrame) -> str:
    """About the rows of `arrivals`."""
    if frame.empty:
        return "No report arrived in this period"
    most = frame.loc[frame["reports"].idxmax()]
    arrived = counted(frame["reports"].sum(), "report")
    said = f"{arrived} arrived, most on {day(pd.Timestamp(most['day']))}"
    return f"{said} ({count(most['reports'])})"


def losses(frame: pd.DataFrame) -> str:
    """About the rows of `loss_account`."""
    arrived, dropped = frame["reports"].sum(), frame["dropped"].sum()
    if not arrived:
        return "Nothing arrived, so nothing is known to be lost"
    lost, late = percent(dropped / (arrived + dropped)), percent(frame["late"].sum() / arrived)
    return f"{lost} of reports are known to be lost, {late} came more than a day late"


def shards(frame: pd.DataFrame) -> str:
    """About the rows of `shards`."""
    databases = "1 database is" if len(frame) == 1 else f"{count(len(frame))} databases are"
    total = frame["days"].sum()
    return f"{databases} read, {count(total)} {'day' if total == 1 else 'days'} of arrivals"


def metrics(frame: pd.DataFrame) -> str:
    """About the rows of `told_metrics`."""
    if frame.empty:
        return "No metric was told in this period"
    most = frame.loc[frame["values"].idxmax()]
    name = plain_markdown(str(most["metric"]))
    return f"{count(len(frame))} metrics were told; {name} has most values, {count(most['values'])}"
