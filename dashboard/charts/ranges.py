"""How long things take: a row each, from the median to the 90th percentile."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import ACCENT, GREY, blank
from dashboard.words import TOO_FEW, duration, plain_label

STEPS = tuple(
    1000.0 * step
    for step in (0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
)
"""Of the axis, in ms: round in the unit that they are said in."""


def ranges(frame: pd.DataFrame) -> go.Figure:
    """Rows of name, timed, median_ms and p90_ms, as lines with a dot at the median."""
    figure = blank(max(140, 30 * len(frame) + 70))
    rows = list(range(len(frame)))
    for row, each in zip(rows, frame.itertuples(), strict=True):
        shade = ACCENT if each.timed >= TOO_FEW else GREY
        figure.add_scatter(
            x=[each.median_ms, each.p90_ms],
            y=[row, row],
            mode="lines+markers",
            line={"color": shade, "width": 4},
            marker={"color": shade, "size": [11, 5]},
            hovertemplate=f"{plain_label(str(each.name))}: half take <b>"
            f"{duration(each.median_ms)}</b> or less, nine in ten <b>{duration(each.p90_ms)}</b>"
            f" or less; {each.timed:,} attempts<extra></extra>",
        )
    names = [plain_label(str(name)) for name in frame["name"]]
    figure.update_yaxes(range=[len(frame) - 0.5, -0.5], tickvals=rows, ticktext=names)
    most = float(frame["p90_ms"].max()) if len(frame) else 1.0
    step = next((step for step in STEPS if most < 6 * step), most)
    ticks = [step * place for place in range(int(most // step) + 1)]
    figure.update_xaxes(
        range=[0, 1.05 * most],
        tickvals=ticks,
        ticktext=["0", *map(duration, ticks[1:])],
        title_text="time",
        zeroline=False,
    )
    return figure
