"""Bars over time: from zero, or above and below it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.names import Name, name_at_end
from dashboard.charts.theme import (
    ACCENT,
    COUNTS,
    FEW,
    GREY,
    HEIGHT,
    PALETTE,
    blank,
    date_axis,
    value_axis,
)


def bars_over_time(
    frame: pd.DataFrame, x: str, y: str, *, unit: str, complete_until: date, height: int = HEIGHT
) -> go.Figure:
    """Bars over time; what is not complete yet is paler.

    Args:
        x: the column of the times, ``day`` or ``week``.
    """
    figure = blank(height)
    times = pd.to_datetime(frame[x])
    whole = times <= pd.Timestamp(complete_until)
    note = ["" if is_whole else " so far, not complete" for is_whole in whole]
    figure.add_bar(
        x=times,
        y=frame[y],
        marker={"color": ACCENT, "opacity": [1.0 if is_whole else 0.4 for is_whole in whole]},
        customdata=note,
        hovertemplate=f"%{{x|%-d %b %Y}}: <b>%{{y:,}}</b> {unit}%{{customdata}}<extra></extra>",
    )
    date_axis(figure, times)
    if 0 < len(times) < FEW:  # or a single bar would be as broad as the chart
        step = timedelta(days=7 if x == "week" else 1)
        room = (FEW - len(times)) / 2 * step
        figure.update_traces(width=750 * step.total_seconds())
        figure.update_xaxes(range=[times.min() - room, times.max() + room])
    value_axis(figure, unit, COUNTS, frame[y].max(), rangemode="tozero")
    return figure


def above_and_below(
    frame: pd.DataFrame,
    x: str,
    above: Mapping[str, str],
    below: Mapping[str, str],
    *,
    unit: str,
    complete_until: date,
) -> go.Figure:
    """Bars over time, stacked, some above zero and some below; paler where not complete."""
    figure = blank(HEIGHT)
    times = pd.to_datetime(frame[x])
    opacity = [1.0 if whole else 0.4 for whole in times <= pd.Timestamp(complete_until)]
    colour = dict(zip([*above, *below], [*PALETTE[: len(above)], GREY], strict=True))
    figure.add_traces(
        [
            {
                "type": "bar",
                "x": times,
                "y": (-1 if column in below else 1) * frame[column],
                "name": name,
                "marker": {"color": colour[column], "opacity": opacity},
                "customdata": frame[column],
                "hovertemplate": "week of %{x|%-d %b %Y}: <b>%{customdata:,}</b> "
                f"{unit}<extra>{name}</extra>",
            }
            for column, name in {**above, **below}.items()
        ]
    )
    date_axis(figure, times)
    top, depth = (float(frame[list(parts)].sum(axis=1).max()) for parts in (above, below))
    value_axis(figure, unit, COUNTS, top, -depth)
    figure.layout.barmode = "relative"
    if len(frame):
        name_at_end(figure, _beside_last(frame, above, below, colour), top + depth)
    return figure


def _beside_last(
    frame: pd.DataFrame,
    above: Mapping[str, str],
    below: Mapping[str, str],
    colour: Mapping[str, str],
) -> list[Name]:
    """The name of each part beside its place in the last bar."""
    names = []
    for sign, parts in ((1, above), (-1, below)):
        base = 0.0
        for column, name in parts.items():
            height = float(frame[column].iloc[-1])
            names.append(Name(name, sign * (base + height / 2), colour[column]))
            base += height
    return names
