"""The parts of a whole, in an order and in colours that mean something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboard.charts.theme import blank
from dashboard.words import percent, plain_label


@dataclass(frozen=True)
class Part:
    """One of them."""

    name: str
    count: int
    colour: str


def parts_of_a_whole(parts: Sequence[Part], *, unit: str) -> go.Figure:
    """A bar a part, with its count and its share of them all."""
    figure = blank(56 + 40 * len(parts))
    whole = max(1, sum(part.count for part in parts))
    figure.add_bar(
        x=[part.count for part in parts],
        y=[plain_label(part.name) for part in parts],
        orientation="h",
        marker={"color": [part.colour for part in parts]},
        text=[f"{part.count:,} · {percent(part.count / whole)}" for part in parts],
        textposition="outside",
        cliponaxis=False,
        hovertemplate=f"%{{y}}: <b>%{{x:,}}</b> of {whole:,} {unit}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category")
    most = max(part.count for part in parts)
    figure.update_xaxes(title_text=unit, range=[0, 1.35 * max(1, most)])
    return figure
