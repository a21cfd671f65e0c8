"""Parts of a whole, as horizontal bars."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import ACCENT, GREY, SHARES, blank
from dashboard.words import percent, plain_label


def bars(
    frame: pd.DataFrame,
    label: str,
    value: str,
    *,
    unit: str,
    before: Mapping[str, float] | None = None,
) -> go.Figure:
    """Horizontal bars, largest on top, each with its number and its `share` of the whole.

    Args:
        before: the share of each in the period before; a thin grey bar beside its own.
    """
    figure = blank(max(120, (34 if before is None else 42) * len(frame) + 50))
    names = [plain_label(str(name)) for name in frame[label]]
    if before is not None:
        then = [before.get(str(name), 0.0) for name in frame[label]]
        figure.add_bar(
            x=then,
            y=names,
            orientation="h",
            marker={"color": GREY, "opacity": 0.55},
            width=0.22,
            offset=0.2,
            customdata=[percent(part) for part in then],
            hovertemplate="%{y}: <b>%{customdata}</b> in the period before<extra></extra>",
        )
    figure.add_bar(
        x=frame["share"],
        y=names,
        orientation="h",
        marker={"color": ACCENT},
        width=0.6,
        offset=-0.4 if before is not None else -0.3,
        text=[
            f"{number:,}  ({percent(part)})"
            for number, part in zip(frame[value], frame["share"], strict=True)
        ],
        textposition="outside",
        cliponaxis=False,
        customdata=frame[value],
        hovertemplate=f"%{{y}}: <b>%{{customdata:,}}</b> {unit}, %{{x:.1%}}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category", title_text="")
    widest = max([0.01, *frame["share"], *(before or {}).values()])
    figure.update_xaxes(
        rangemode="tozero",
        title_text=f"share of {unit}",
        tickformat=SHARES,
        range=[0, 1.3 * widest],
    )
    figure.update_layout(barmode="overlay")
    return figure
