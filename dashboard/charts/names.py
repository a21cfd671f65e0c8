"""Names beside what they name, in place of a legend; and marks of what happened when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import GREY
from dashboard.words import plain_label

APART = 0.075
"""Of the chart's height: names nearer than that would touch."""

LETTER = 7
"""Pixels across, about."""

MOST_LETTERS = 18
"""Beyond that a name is cut by the picture's edge rather than the picture by the name."""

ASIDE = 0.06
"""Of the chart's width, the same for marks."""


@dataclass(frozen=True)
class Name:
    """Of a series, at its height."""

    text: str
    height: float
    colour: str


def name_at_end(figure: go.Figure, names: Sequence[Name], span: float) -> None:
    """Write names beside the right end, those that would touch moved apart.

    Args:
        span: of the vertical axis.
    """
    step = max(1e-9, span) * APART
    height = float("-inf")
    for name in sorted(names, key=lambda name: name.height):
        height = max(name.height, height + step)
        figure.add_annotation(
            x=1,
            xref="paper",
            y=height,
            text=plain_label(name.text),
            showarrow=False,
            xanchor="left",
            xshift=6,
            font={"color": name.colour, "size": 12},
        )
    longest = max((len(name.text) for name in names), default=0)
    figure.update_layout(margin_r=12 + LETTER * min(longest, MOST_LETTERS))


def mark(figure: go.Figure, times: pd.Series, events: Iterable[tuple[date, str]]) -> go.Figure:
    """Mark days with a line and a word over it; a word that would touch the last is left out."""
    if not len(times):
        return figure
    first, last = pd.Timestamp(times.iloc[0]), pd.Timestamp(times.iloc[-1])
    free = first
    for day, word in events:
        when = pd.Timestamp(day)
        if not first < when <= last:
            continue
        figure.add_vline(x=when, line={"color": GREY, "width": 1, "dash": "dot"}, opacity=0.7)
        if when >= free:
            figure.add_annotation(
                x=when,
                y=1,
                yref="paper",
                yanchor="bottom",
                text=plain_label(word),
                showarrow=False,
                font={"color": GREY, "size": 11},
            )
            free = when + ASIDE * (last - first)
    figure.update_layout(margin_t=26)
    return figure
