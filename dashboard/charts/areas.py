"""Shares of a whole over time, as areas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import (
    HEIGHT,
    MARGIN,
    blank,
    colours,
    date_axis,
)
from dashboard.words import plain_label


def stacked_shares(
    frame: pd.DataFrame, x: str, series: Mapping[str, str], *, unit: str, complete_until: date
) -> go.Figure | None:
    """Shares of a whole over time as areas, the last of the series on top; ends when complete.

    None where fewer than two weeks are complete: there is no area to draw.
    """
    figure = blank(HEIGHT + 40)
    whole = frame[pd.to_datetime(frame[x]) <= pd.Timestamp(complete_until)]
    if len(whole) < 2:
        return None
    shares = whole[list(series)].div(whole[list(series)].sum(axis=1), axis=0)
    colour = colours(list(series))
    below = 0.0
    for column, name in series.items():
        label = plain_label(name)
        figure.add_scatter(
            x=whole[x],
            y=shares[column],
            stackgroup="all",
            mode="lines",
            line={"width": 0.5, "color": colour[column]},
            hovertemplate=f"%{{x|%-d %b %Y}}: <b>%{{y:.0%}}</b> of {unit}<extra>{label}</extra>",
        )
        last = shares[column].iloc[-1]
        if last > 0.03:
            figure.add_annotation(
                x=1,
                xref="paper",
                y=below + last / 2,
                text=label,
                showarrow=False,
                xanchor="left",
                xshift=6,
                font={"color": colour[column], "size": 12},
            )
        below += last
    figure.update_yaxes(tickformat=".0%", range=[0, 1], title_text=f"share of {unit}")
    date_axis(figure, whole[x])
    figure.update_xaxes(range=[whole[x].iloc[0], whole[x].iloc[-1]])
    figure.update_layout(margin=MARGIN | {"r": 110})
    return figure
