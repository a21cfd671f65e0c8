"""How far installs get, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import ACCENT, SHARES, blank
from dashboard.words import percent, plain_label

STRENGTH = (0.4, 0.7, 1.0)
"""Of the colour of each step: those who come further are the firmer ones."""


def steps(frame: pd.DataFrame, order: Sequence[str]) -> go.Figure:
    """A group of bars a solution, in that order, one a step; rows as of the analysis `funnel`."""
    operations = list(frame.sort_values("step")["operation"].unique())
    figure = blank(max(140, 26 * len(frame) + 60))
    for place, operation in enumerate(operations):
        taken = frame[frame["operation"] == operation].set_index("solution").loc[list(order)]
        figure.add_bar(
            x=taken["share"],
            y=[plain_label(str(name)) for name in order],
            orientation="h",
            marker={"color": ACCENT, "opacity": STRENGTH[min(place, len(STRENGTH) - 1)]},
            text=[
                f"{plain_label(str(operation))}  {installs:,} ({percent(part)})"
                for installs, part in zip(taken["installs"], taken["share"], strict=True)
            ],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}, %{text}<extra></extra>",
        )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(
        range=[0, 1.45],
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        tickformat=SHARES,
        title_text="share of those who began",
    )
    figure.update_layout(barmode="group", bargap=0.2, bargroupgap=0.1)
    return figure
