"""Tables of shares as colours."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import HEAT, SHARES, blank
from dashboard.words import plain_label

DARK, LIGHT = "#10151c", "#ffffff"
MOST_WRITTEN = 13
"""Columns whose numbers fit into 400 pixels."""

TURN = 0.47
"""Of the scale: colours beyond it are so bright that dark words are read more easily on them."""


def heat_map(
    cells: pd.DataFrame,
    *,
    hover: Sequence[Sequence[str]],
    x_title: str,
    top: float = 1.0,
    texts: Sequence[Sequence[str]] | None = None,
) -> go.Figure:
    """A table of shares as colours, each with its percentage; rows and columns as in `cells`.

    Where there are so many columns that a phone has no room for numbers, a scale tells them.

    Args:
        hover: the words for each cell.
        top: the share that the brightest colour stands for.
        texts: what stands in each cell, by default its percentage without the sign, for which a
            phone has no room.
    """
    figure = blank(90 + (28 if texts is None else 40) * len(cells))
    columns = [plain_label(str(name)) for name in cells.columns]
    rows = [plain_label(str(name)) for name in cells.index]
    figure.add_heatmap(
        z=cells.to_numpy(),
        x=columns,
        y=rows,
        customdata=hover,
        colorscale=HEAT,
        zmin=0,
        zmax=top,
        xgap=1,
        ygap=1,
        hoverongaps=False,
        showscale=False,
        hovertemplate="%{customdata}<extra></extra>",
    )
    if len(columns) > MOST_WRITTEN:
        bar = {"orientation": "h", "thickness": 8, "y": 0, "yanchor": "top", "tickformat": SHARES}
        figure.update_traces(showscale=True, colorbar=bar)
    else:
        figure.add_trace(_words(cells, columns, rows, top, texts))
    figure.update_xaxes(
        title_text=x_title,
        type="category",
        showgrid=False,
        side="top",
        range=[-0.5, len(columns) - 0.5],
    )
    figure.update_yaxes(type="category", showgrid=False, range=[len(rows) - 0.5, -0.5])
    return figure


def _words(
    cells: pd.DataFrame,
    columns: Sequence[str],
    rows: Sequence[str],
    top: float,
    texts: Sequence[Sequence[str]] | None,
) -> go.Scatter:
    """What stands in the cells, in a colour that is easily read on theirs.

    Words of Plotly's own choice of colours are hard to read on those in the middle.
    """
    told = [
        (column, row, cells.iat[y, x], texts[y][x] if texts else f"{100 * cells.iat[y, x]:.0f}")
        for y, row in enumerate(rows)
        for x, column in enumerate(columns)
        if not pd.isna(cells.iat[y, x])
    ]
    colours = [DARK if share > TURN * top else LIGHT for *_, share, _ in told]
    return go.Scatter(
        x=[column for column, *_ in told],
        y=[row for _, row, *_ in told],
        mode="text",
        text=[text for *_, text in told],
        textfont={"size": 11, "color": colours},
        hoverinfo="skip",
    )
