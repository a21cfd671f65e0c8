"""Lines over time, named at their ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.names import Name, name_at_end
from dashboard.charts.theme import (
    COUNTS,
    FEW,
    HEIGHT,
    SHARES,
    blank,
    colours,
    date_axis,
    value_axis,
)
from dashboard.words import plain_label


def lines(
    frame: pd.DataFrame,
    x: str,
    series: Mapping[str, str],
    *,
    unit: str,
    complete_until: date,
    colour: Mapping[str, str] | None = None,
    height: int = HEIGHT,
    top: float | None = None,
    shares: bool = False,
) -> go.Figure:
    """Lines over time, each named at its end; what is not complete yet is dotted.

    Args:
        series: a column of `frame` and the name its line bears.
        complete_until: the last day or week that is over.
        top: where the vertical axis ends, for charts on one scale; without it, Plotly sees to it.
        shares: whether the numbers are shares, 0–1.
    """
    colour = colour or colours(list(series))
    figure = blank(height)
    times = pd.to_datetime(frame[x])
    number = ".0%" if shares else COUNTS
    whole = times <= pd.Timestamp(complete_until)
    hover = f"%{{x|%-d %b %Y}}: <b>%{{y:{number}}}</b> {unit}"
    traces: list[dict[str, Any]] = []
    for column, name in series.items():
        traces += _line(times, frame[column], whole, plain_label(name), colour[column], hover)
    figure.add_traces(traces)
    greatest = float(frame[list(series)].max().max())  # of those that are there
    if len(series) > 1 and len(frame):
        names = [
            Name(name, float(frame[column].iloc[-1]), colour[column])
            for column, name in series.items()
        ]
        name_at_end(figure, names, greatest)
    date_axis(figure, times)
    axis = SHARES if shares else COUNTS
    if top is None:
        value_axis(figure, unit, axis, greatest, rangemode="tozero")
    else:
        value_axis(figure, unit, axis, top, range=[0, top])
    return figure


def _line(
    times: pd.Series, values: pd.Series, whole: pd.Series, label: str, colour: str, hover: str
) -> Iterator[dict[str, Any]]:
    """A line in one piece, or in two where its last values are not `whole` yet."""
    mode = "lines" if len(values) > FEW else "lines+markers"
    common = {"type": "scatter", "mode": mode, "name": label, "showlegend": False}
    style = {"color": colour, "width": 2}
    yield {
        **common,
        "x": times[whole],
        "y": values[whole],
        "line": style,
        "hovertemplate": f"{hover}<extra>{label}</extra>",
    }
    if not whole.all():
        tail = ~whole | (times == times[whole].max())  # joined to the last whole one
        yield {
            **common,
            "x": times[tail],
            "y": values[tail],
            "line": style | {"dash": "dot"},
            "opacity": 0.55,
            "hovertemplate": f"{hover} so far<extra>{label}, not complete</extra>",
        }
