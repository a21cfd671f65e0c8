"""Tables of shares as colours."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import (
    HEAT,
    blank,
)
from dashboard.words import plain_label


def heat_map(
    cells: pd.DataFrame,
    *,
    hover: Sequence[Sequence[str]],
    x_title: str,
    top: float = 1.0,
    texts: Sequence[Sequence[str]] | None = None,
) -> go.Figure:
    """A table of shares as colours, each with its number; rows and columns as in `cells`.

    Args:
        hover: the words for each cell.
        top: the share that the brightest colour stands for.
        texts: what stands in each cell, by default its share.
    """
    figure = blank(90 + (28 if texts is None else 40) * len(cells))
    figure.add_heatmap(
        z=cells.to_numpy(),
        x=[plain_label(str(name)) for name in cells.columns],
        y=[plain_label(str(name)) for name in cells.index],
        customdata=hover,
        text=texts,
        texttemplate="%{z:.0%}" if texts is None else "%{text}",
        textfont={"size": 11},
        colorscale=HEAT,
        zmin=0,
        zmax=top,
        xgap=1,
        ygap=1,
        hoverongaps=False,
        showscale=False,
        hovertemplate="%{customdata}<extra></extra>",
    )
    figure.update_xaxes(title_text=x_title, type="category", showgrid=False, side="top")
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    return figure
