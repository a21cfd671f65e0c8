"""Parts of a whole, as horizontal bars."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import (
    ACCENT,
    blank,
)
from dashboard.words import percent, plain_label


def bars(frame: pd.DataFrame, label: str, value: str, *, unit: str) -> go.Figure:
    """Horizontal bars, largest on top, each with its number and its `share` of the whole."""
    figure = blank(max(120, 34 * len(frame) + 50))
    figure.add_bar(
        x=frame[value],
        y=[plain_label(str(name)) for name in frame[label]],
        orientation="h",
        marker={"color": ACCENT},
        text=[
            f"{number:,}  ({percent(part)})"
            for number, part in zip(frame[value], frame["share"], strict=True)
        ],
        textposition="outside",
        cliponaxis=False,
        hovertemplate=f"%{{y}}: <b>%{{x:,}}</b> {unit}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category", title_text="")
    figure.update_xaxes(
        rangemode="tozero", title_text=unit, range=[0, 1.25 * max(1, frame[value].max())]
    )
    return figure
