"""The look of all charts: their colours, their ground and their axes, for light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

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

HEIGHT = 300
# Dates as "12 Mar"; the year where it begins.
DAYS = "%-d %b\n%Y UTC"
MONTHS = "%b\n%Y UTC"
DATES = [
    {"dtickrange": [None, 27 * 86_400_000], "value": DAYS},
    {"dtickrange": [27 * 86_400_000, None], "value": MONTHS},
]
MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def colours(names: Sequence[str]) -> dict[str, str]:
    """One colour a name, the same on every page for the same names; the rest are grey."""
    return {
        name: PALETTE[place] if place < len(PALETTE) else GREY for place, name in enumerate(names)
    }


def blank(height: int) -> go.Figure:
    """An empty chart of that height, in pixels."""
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin=MARGIN,
        showlegend=False,
        hovermode="closest",
        hoverlabel={"namelength": -1},
        bargap=0.25,
        dragmode=False,
    )
    figure.update_xaxes(showgrid=False, automargin=True, fixedrange=True)
    figure.update_yaxes(automargin=True, fixedrange=True)
    return figure


def date_axis(figure: go.Figure, times: pd.Series) -> None:
    """Name days, or months where they are many; each of them where they are few."""
    figure.update_xaxes(type="date")
    if len(times) <= FEW:
        figure.update_xaxes(tickvals=list(times), tickformat="%-d %b", title_text="UTC")
    elif len(times) <= 2 * SPAN and times.iloc[1] - times.iloc[0] == timedelta(days=7):
        # Name the weeks by their own Mondays, not by the Sundays that Plotly prefers.
        step = -(-len(times) // WEEKS) * 7 * 86_400_000
        figure.update_xaxes(tick0=times.iloc[0], dtick=step, tickformat=DAYS)
    else:
        figure.update_xaxes(tickformatstops=DATES)
