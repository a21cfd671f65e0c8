"""Names beside what they name, in place of a legend; and marks of what happened when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import GREY, LETTER, add, rule
from dashboard.words import plain_label

APART = 0.075
"""Of the chart's height: names nearer than that would touch."""

MOST_LETTERS = 18
"""Beyond that a name is cut by the picture's edge rather than the picture by the name."""

ASIDE = 0.14
"""Of the chart's width, the same for marks."""


@dataclass(frozen=True)
class Name:
    """Of a series, at its height."""

    text: str
    height: float
    colour: str


def named(text: str, colour: str) -> str:
    """A name, which anybody can read, behind a dot of the colour that it stands for."""
    return f'<span style="color:{colour}">●</span> {plain_label(text)}'


def room_for(names: Iterable[str]) -> int:
    """Pixels that the longest of them needs beside a chart."""
    longest = max((len(name) for name in names), default=0)
    return 12 + LETTER * (2 + min(longest, MOST_LETTERS))


def beside(text: str, colour: str, height: float) -> dict[str, Any]:
    """The annotation that writes a name behind the right end of the chart."""
    return {
        "x": 1,
        "xref": "paper",
        "y": height,
        "text": named(text, colour),
        "showarrow": False,
        "xanchor": "left",
        "xshift": 6,
        "font": {"size": 12},
    }


def name_at_end(figure: go.Figure, names: Sequence[Name], span: float) -> None:
    """Write names beside the right end, those that would touch moved apart.

    Args:
        span: of the vertical axis.
    """
    step = max(1e-9, span) * APART
    height = float("-inf")
    written = []
    for name in sorted(names, key=lambda name: name.height):
        height = max(name.height, height + step)
        written.append(beside(name.text, name.colour, height))
    add(figure, written)
    figure.update_layout(margin_r=room_for(name.text for name in names))


def mark(figure: go.Figure, times: pd.Series, events: Iterable[tuple[date, str]]) -> go.Figure:
    """Mark days with a line and a word over it; a word that would touch a later one is left out."""
    if not len(times):
        return figure
    first, last = pd.Timestamp(times.iloc[0]), pd.Timestamp(times.iloc[-1])
    free = last
    rules, words = [], []
    for day, word in sorted(events, reverse=True):
        when = pd.Timestamp(day)
        if not first < when <= last:
            continue
        rules.append(rule(when, GREY, "dot") | {"opacity": 0.7})
        if when <= free:
            words.append(
                {
                    "x": when,
                    "y": 1,
                    "yref": "paper",
                    "yanchor": "bottom",
                    "text": plain_label(word),
                    "showarrow": False,
                    "font": {"color": GREY, "size": 11},
                }
            )
            free = when - ASIDE * (last - first)
    add(figure, words, rules)
    figure.update_layout(margin_t=26)
    return figure
