"""The look of all charts: their colours, their ground and their axes, for light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd
import plotly.graph_objects as go

# Okabe–Ito (jfly.uni-koeln.de/color), its darkest and lightest shifted to show on both grounds.
PALETTE = ("#1f83c4", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#a07038", "#8f7fd6")
ACCENT = PALETTE[0]
GREY = "#8a94a3"
LOSS = "#d9483b"
HEAT = "cividis"

FEW = 10
"""Up to this many points in time, each is marked and named."""

SPAN = 30
"""Weeks in about half a year."""

WEEKS = 4
"""Of many weeks, so many are named: a phone has room for no more beside each other."""

COUNTS = ","
SHARES = "~%"
"""Formats of an axis: a share gets no more digits than tell its ticks apart."""

MOST_SINGLE = 5
"""Up to which what is counted has a line a number: half an install is none."""

HEIGHT = 300
# Dates as "12 Mar"; the year where it begins.
DAYS = "%-d %b\n%Y UTC"
MONTHS = "%b\n%Y UTC"
DATES = [
    {"dtickrange": [None, 27 * 86_400_000], "value": DAYS},
    {"dtickrange": [27 * 86_400_000, None], "value": MONTHS},
]
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}

LETTER = 7
"""Pixels across, about."""

TITLE = 24
"""Pixels that the title of a vertical axis takes."""

BELOW = 46
"""Pixels that two lines below a chart take."""


def colours(names: Sequence[str]) -> dict[str, str]:
    """One colour a name, the same on every page for the same names; the rest are grey."""
    return {
        name: PALETTE[place] if place < len(PALETTE) else GREY for place, name in enumerate(names)
    }


def blank(height: int) -> go.Figure:
    """An empty chart of that height, in pixels."""
    axis = {"automargin": True, "fixedrange": True}
    return go.Figure(
        layout={
            "height": height,
            "margin": MARGIN,
            "showlegend": False,
            "hovermode": "closest",
            "hoverlabel": {"namelength": -1},
            "bargap": 0.25,
            "dragmode": False,
            "xaxis": axis | {"showgrid": False},
            "yaxis": axis,
        }
    )


def add(
    figure: go.Figure,
    annotations: Sequence[Mapping[str, Any]] = (),
    shapes: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Add words and shapes, as Plotly describes them, all at once: one by one each takes long."""
    layout = figure.layout
    if annotations:
        layout.annotations = [*layout.annotations, *annotations]
    if shapes:
        layout.shapes = [*layout.shapes, *shapes]


def rule(x: object, colour: str, dash: str = "solid") -> dict[str, Any]:
    """The shape of an upright line across the chart."""
    return {
        "type": "line",
        "x0": x,
        "x1": x,
        "yref": "y domain",
        "y0": 0,
        "y1": 1,
        "line": {"color": colour, "width": 1, "dash": dash},
    }


def date_axis(figure: go.Figure, times: pd.Series) -> None:
    """Name days, or months where they are many; each of them where they are few."""
    ticks: dict[str, Any]
    if len(times) <= FEW:
        ticks = {"tickvals": list(times), "tickformat": "%-d %b", "title": {"text": "UTC"}}
    elif len(times) <= 2 * SPAN and times.iloc[1] - times.iloc[0] == timedelta(days=7):
        # Name the weeks by their own Mondays, not by the Sundays that Plotly prefers.
        step = -(-len(times) // WEEKS) * 7 * 86_400_000
        ticks = {"tick0": times.iloc[0], "dtick": step, "tickformat": DAYS}
    else:
        ticks = {"tickformatstops": DATES}
    if "tickvals" not in ticks:
        # Room of our own making: to find it, Plotly draws a chart twice.
        ticks |= {"tickangle": 0, "automargin": False}
        figure.layout.margin.b = BELOW
    figure.layout.xaxis.update(type="date", **ticks)


def value_axis(figure: go.Figure, title: str, number: str, *ends: float, **more: Any) -> None:
    """Say what the vertical axis counts, and leave room for its numbers.

    Args:
        number: their format, `COUNTS` or `SHARES`.
        ends: the least and the greatest of them, or some.
    """
    written = ["100%"] if number == SHARES else [f"{1.1 * end:,.0f}" for end in ends]
    room = LETTER * max(3, *map(len, written))
    figure.layout.margin.l = MARGIN["l"] + TITLE + room
    axis: dict[str, Any] = {"title": {"text": title}, "tickformat": number, "automargin": False}
    if number == COUNTS and max(map(abs, ends)) <= MOST_SINGLE:
        axis["dtick"] = 1
    figure.layout.yaxis.update(**axis, **more)
