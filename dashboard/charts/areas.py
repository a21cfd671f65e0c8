"""Shares of a whole over time, as areas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.names import beside, room_for
from dashboard.charts.theme import (
    GREY,
    HEIGHT,
    SHARES,
    add,
    blank,
    colours,
    date_axis,
    value_axis,
)
from dashboard.words import plain_label


def stacked_shares(
    frame: pd.DataFrame,
    x: str,
    series: Mapping[str, str],
    *,
    unit: str,
    complete_until: date,
    rest: str | None = None,
) -> go.Figure | None:
    """Shares of a whole over time as areas, the last of the series on top; ends when complete.

    None where fewer than two weeks are complete: there is no area to draw.

    Args:
        rest: the series, if any, of all that have no colour of their own.
    """
    figure = blank(HEIGHT + 40)
    whole = frame[pd.to_datetime(frame[x]) <= pd.Timestamp(complete_until)]
    if len(whole) < 2:
        return None
    shares = whole[list(series)].div(whole[list(series)].sum(axis=1), axis=0)
    colour = colours([column for column in series if column != rest])
    below = 0.0
    areas, words = [], []
    for column, name in series.items():
        shade = colour.get(column, GREY)
        areas.append(
            {
                "type": "scatter",
                "x": whole[x],
                "y": shares[column],
                "stackgroup": "all",
                "mode": "lines",
                "line": {"width": 0.5, "color": shade},
                "hovertemplate": f"%{{x|%-d %b %Y}}: <b>%{{y:.0%}}</b> of {unit}"
                f"<extra>{plain_label(name)}</extra>",
            }
        )
        last = shares[column].iloc[-1]
        if last > 0.03:
            words.append(beside(name, shade, below + last / 2))
        below += last
    figure.add_traces(areas)
    add(figure, words)
    value_axis(figure, f"share of {unit}", SHARES, 1, range=[0, 1])
    date_axis(figure, whole[x])
    figure.update_xaxes(range=[whole[x].iloc[0], whole[x].iloc[-1]])
    figure.update_layout(margin_r=room_for(series.values()))
    return figure
