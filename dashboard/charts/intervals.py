"""Estimates with their intervals: a row each, or a point in time each."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import (
    ACCENT,
    BELOW,
    FEW,
    GREY,
    HEIGHT,
    LOSS,
    MARGIN,
    MONTHS,
    SHARES,
    add,
    blank,
    rule,
)
from dashboard.words import TOO_FEW, plain_label

SMALL_LETTER = 6.4
"""Pixels across, about, of what stands beside an axis."""

LONG = 28
"""Letters of a line beside an axis that a phone has room for; whoever points at it sees all."""


def intervals(
    frame: pd.DataFrame, label: str, value: str, low: str, high: str, *, x_title: str
) -> go.Figure:
    """Estimates with their intervals, one a row; grey where they may be chance.

    Args:
        frame: has a column `proven` besides those named: false where it may be chance.
    """
    figure = blank(max(HEIGHT, 42 * len(frame) + 70))
    colour = [
        GREY if not is_certain else LOSS if estimate > 0 else ACCENT
        for is_certain, estimate in zip(frame["proven"], frame[value], strict=True)
    ]
    rows = list(range(len(frame)))  # two errors may bear the same short name
    lines = [_lines(name) for name in frame[label]]
    figure.add_scatter(
        x=frame[value],
        y=rows,
        mode="markers",
        marker={"color": colour, "size": 11},
        text=[plain_label(name) for name in frame[label]],
        customdata=frame[[low, high]].to_numpy(),
        hovertemplate=(
            "%{text}<br><b>%{x:.1f}</b> users lost, 95 % interval "
            "%{customdata[0]:.1f} to %{customdata[1]:.1f}<extra></extra>"
        ),
    )
    bars = zip(rows, frame[[low, high]].to_numpy(), colour, strict=True)
    figure.add_traces(
        [
            {
                "type": "scatter",
                "x": ends,
                "y": [row, row],
                "mode": "lines",
                "hoverinfo": "skip",
                "line": {"color": shade, "width": 3},
            }
            for row, ends, shade in bars
        ]
    )
    add(figure, shapes=[rule(0, GREY)])
    longest = max((len(line) for each in lines for line in each), default=0)
    figure.layout.margin.update(l=MARGIN["l"] + SMALL_LETTER * longest, b=BELOW)
    figure.layout.yaxis.update(
        range=[len(frame) - 0.5, -0.5],
        tickvals=rows,
        ticktext=["<br>".join(map(plain_label, each)) for each in lines],
        automargin=False,
    )
    ends = [0.0, *frame[low], *frame[high]]
    room = 0.06 * max(1.0, max(ends) - min(ends))
    figure.layout.xaxis.update(
        title={"text": x_title},
        zeroline=False,
        range=[min(ends) - room, max(ends) + room],
        automargin=False,
    )
    return figure


def shares_over_time(frame: pd.DataFrame, *, unit: str) -> go.Figure:
    """Shares with their intervals: value (a month, YYYY-MM), share, low, high, judged."""
    figure = blank(HEIGHT)
    months = pd.to_datetime(frame["value"], format="%Y-%m")
    figure.add_scatter(
        x=months,
        y=frame["share"],
        mode="lines+markers",
        line={"color": ACCENT, "width": 2},
        error_y=_reach(frame),
        customdata=frame[["low", "high", "judged"]].to_numpy(),
        hovertemplate=(
            "%{x|%B %Y}: <b>%{y:.0%}</b> of %{customdata[2]:,}, 95 % interval "
            "%{customdata[0]:.0%} to %{customdata[1]:.0%}<extra></extra>"
        ),
    )
    figure.update_xaxes(type="date", tickformat=MONTHS)
    if len(months) <= FEW:
        figure.update_xaxes(tickvals=list(months), tickformat="%b %Y", title_text="UTC")
    figure.update_yaxes(tickformat=SHARES, rangemode="tozero", title_text=unit)
    return figure


def shares_by_name(frame: pd.DataFrame, *, x_title: str) -> go.Figure:
    """Shares with their intervals, a row a value; grey where there are few cases."""
    figure = blank(max(140, 34 * len(frame) + 70))
    figure.add_scatter(
        x=frame["share"],
        y=[plain_label(str(value)) for value in frame["value"]],
        mode="markers",
        marker={
            "size": 10,
            "color": [ACCENT if judged >= TOO_FEW else GREY for judged in frame["judged"]],
        },
        error_x=_reach(frame),
        customdata=frame[["low", "high", "judged"]].to_numpy(),
        hovertemplate=(
            "%{y}: <b>%{x:.0%}</b> of %{customdata[2]:,}, 95 % interval "
            "%{customdata[0]:.0%} to %{customdata[1]:.0%}<extra></extra>"
        ),
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(tickformat=SHARES, rangemode="tozero", title_text=x_title)
    return figure


def _lines(name: str) -> list[str]:
    """What was met, and where, each in a line: a phone is narrow."""
    met, *where = name.split(" in ", 1)
    lines = [met, *(f"in {place}" for place in where)]
    return [line if len(line) <= LONG else f"{line[: LONG - 1]}…" for line in lines]


def _reach(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        "type": "data",
        "array": frame["high"] - frame["share"],
        "arrayminus": frame["share"] - frame["low"],
        "color": GREY,
        "thickness": 1.5,
        "width": 3,
    }
