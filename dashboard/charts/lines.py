"""Lines over time, named at their ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import (
    FEW,
    HEIGHT,
    blank,
    colours,
    date_axis,
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
) -> go.Figure:
    """Lines over time, each named at its end; what is not complete yet is dotted.

    Args:
        series: a column of `frame` and the name its line bears.
        complete_until: the last day or week that is over.
    """
    colour = colour or colours(list(series))
    figure = blank(height)
    times = pd.to_datetime(frame[x])
    whole = times <= pd.Timestamp(complete_until)
    for column, name in series.items():
        label = plain_label(name)
        hover = f"%{{x|%-d %b %Y}}: <b>%{{y:,}}</b> {unit}"
        style = {"color": colour[column], "width": 2}
        mode = "lines" if len(frame) > FEW else "lines+markers"
        common = {"mode": mode, "name": label, "showlegend": False}
        figure.add_scatter(
            x=times[whole],
            y=frame[column][whole],
            line=style,
            **common,
            hovertemplate=f"{hover}<extra>{label}</extra>",
        )
        if not whole.all():
            tail = ~whole | (times == times[whole].max())  # joined to the last whole one
            figure.add_scatter(
                x=times[tail],
                y=frame[column][tail],
                line=style | {"dash": "dot"},
                opacity=0.55,
                **common,
                hovertemplate=f"{hover} so far<extra>{label}, not complete</extra>",
            )
    if len(series) > 1 and len(frame):
        _name_at_end(figure, frame, times, series, colour)
    date_axis(figure, times)
    figure.update_yaxes(rangemode="tozero", title_text=unit)
    return figure


def _name_at_end(
    figure: go.Figure,
    frame: pd.DataFrame,
    times: Any,
    series: Mapping[str, str],
    colour: Mapping[str, str],
) -> None:
    """Write each line's name behind its last point, names that would touch moved apart."""
    last = {column: float(frame[column].iloc[-1]) for column in series}
    span = max(1e-9, float(frame[list(series)].to_numpy().max())) * 0.075
    height = -span
    for column in sorted(series, key=lambda name: last[name]):
        height = max(last[column], height + span)
        figure.add_annotation(
            x=times.iloc[-1],
            y=height,
            text=plain_label(series[column]),
            showarrow=False,
            xanchor="left",
            xshift=6,
            font={"color": colour[column], "size": 12},
        )
    room = (times.iloc[-1] - times.iloc[0]) * 0.16 + timedelta(hours=12)
    figure.update_xaxes(range=[times.iloc[0], times.iloc[-1] + room])
