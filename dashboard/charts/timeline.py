"""One install's life: a dot a report, by operation and outcome, on a scale of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.theme import DATES, GREY, add, blank
from dashboard.words import plain_label


@dataclass(frozen=True)
class Kind:
    """What a dot says: its name, and its look, of which the shape alone tells too."""

    name: str
    colour: str
    symbol: str


def install_timeline(
    reports: pd.DataFrame, silences: pd.DataFrame, kinds: Sequence[Kind]
) -> go.Figure:
    """Dots at their moment (UTC), a row an operation; long pauses are shaded and say how long.

    Args:
        reports: at, row (what the dot's row is called), said (its hover), kind (one of the names
            of `kinds`).
        silences: since, until, days, returned.
    """
    rows = sorted(reports["row"].unique())
    figure = blank(110 + 44 * len(rows))
    for kind in kinds:
        dots = reports[reports["kind"] == kind.name]
        if dots.empty:
            continue
        figure.add_scatter(
            x=dots["at"],
            y=[rows.index(row) for row in dots["row"]],
            mode="markers",
            name=kind.name,
            marker={
                "color": kind.colour,
                "symbol": kind.symbol,
                "size": 11,
                "opacity": 0.75,
                "line": {"width": 1.5, "color": kind.colour},
            },
            customdata=[plain_label(said) for said in dots["said"]],
            hovertemplate="%{x|%-d %b %Y %H:%M} UTC<br>%{customdata}"
            f"<extra>{kind.name}</extra>",
        )
    pauses = list(silences.itertuples())
    add(figure, [_word(pause) for pause in pauses], [_shade(pause) for pause in pauses])
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[plain_label(row) for row in rows],
        range=[len(rows) - 0.4, -0.6],
        zeroline=False,
    )
    figure.update_xaxes(type="date", tickformatstops=DATES, showgrid=True)
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(showlegend=True, legend=legend)
    return figure


def _shade(pause: Any) -> dict[str, Any]:
    """From the end of the day of one visit to the beginning of that of the next."""
    return {
        "type": "rect",
        "x0": pause.since + pd.Timedelta(days=1),
        "x1": pause.until,
        "yref": "y domain",
        "y0": 0,
        "y1": 1,
        "fillcolor": GREY,
        "opacity": 0.14,
        "line": {"width": 0},
        "layer": "below",
    }


def _word(pause: Any) -> dict[str, Any]:
    """How long it was, in its midst."""
    return {
        "x": pause.since + (pause.until - pause.since) / 2,
        "y": 0.5,
        "yref": "paper",
        "text": f"{pause.days} days silent" + ("" if pause.returned else ", so far"),
        "showarrow": False,
        "textangle": -90 if pause.days < 150 else 0,
        "font": {"color": GREY, "size": 11},
    }
