"""How long users stay: two curves with their intervals, and how many are still followed."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.names import named, room_for
from dashboard.charts.theme import GREY, LOSS, blank

_MARKS = 6
"""Days at which the numbers at risk are written."""

_BELOW = 66
"""Pixels from the axis to them, its title between."""


def survival_curves(curves: pd.DataFrame, exposed: str) -> go.Figure:
    """Steps of the share that stayed longer, by days since the visit, numbers at risk below.

    They end where one of the groups is no longer followed.

    Args:
        curves: group, day, at_risk, survival, low, high.
        exposed: the group that is drawn as the one that matters; the other is grey.
    """
    figure = blank(380)
    last = int(curves.groupby("group")["day"].max().min())
    curves = curves[curves["day"] <= last]
    ends: list[tuple[float, str, str]] = []
    for name, curve in curves.groupby("group", sort=True):
        colour = LOSS if name == exposed else GREY
        _band(figure, curve, colour)
        figure.add_scatter(
            x=curve["day"],
            y=curve["survival"],
            mode="lines",
            line={"color": colour, "width": 2, "shape": "hv"},
            customdata=curve[["low", "high", "at_risk"]].to_numpy(),
            hovertemplate=(
                "after %{x} days <b>%{y:.0%}</b> were still there, 95 % interval "
                "%{customdata[0]:.0%} to %{customdata[1]:.0%}; %{customdata[2]:,} still followed"
                f"<extra>{name}</extra>"
            ),
        )
        ends.append((float(curve["survival"].iloc[-1]), str(name), colour))
    _name_ends(figure, sorted(ends))
    _at_risk(figure, curves, exposed, last)
    figure.update_layout(margin_r=room_for(name for _, name, _ in ends))
    figure.update_yaxes(range=[0, 1.03], tickformat=".0%", title_text="still there")
    figure.update_xaxes(
        range=[-0.02 * last - 0.5, 1.02 * last],
        tickvals=_marks(last),
        title={"text": "days since the visit", "standoff": 8},
        zeroline=False,
    )
    return figure


def _band(figure: go.Figure, curve: pd.DataFrame, colour: str) -> None:
    for column, fill in (("high", None), ("low", "tonexty")):
        figure.add_scatter(
            x=curve["day"],
            y=curve[column],
            mode="lines",
            line={"width": 0, "shape": "hv"},
            fill=fill,
            fillcolor=f"{_rgba(colour, 0.18)}",
            hoverinfo="skip",
        )


def _name_ends(figure: go.Figure, ends: list[tuple[float, str, str]]) -> None:
    """Write each curve's name behind its end, apart from the other's."""
    height = -1.0
    for end, name, colour in ends:
        height = max(end, height + 0.08)
        figure.add_annotation(
            x=1,
            xref="paper",
            y=height,
            text=named(name, colour),
            showarrow=False,
            xanchor="left",
            xshift=6,
            font={"size": 12},
        )


def _at_risk(figure: go.Figure, curves: pd.DataFrame, exposed: str, last: int) -> None:
    """Write below the axis how many are followed at each mark."""
    for row, (name, curve) in enumerate(curves.groupby("group", sort=True)):
        followed = curve.set_index("day")["at_risk"]
        colour = LOSS if name == exposed else GREY
        for mark in _marks(last):
            figure.add_annotation(
                x=mark,
                y=0,
                yref="paper",
                yshift=-(_BELOW + 17 * row),
                text=f"{int(followed.get(mark, 0)):,}",
                showarrow=False,
                font={"color": colour, "size": 11},
            )
        figure.add_annotation(
            x=1,
            xref="paper",
            y=0,
            yref="paper",
            yshift=-(_BELOW + 17 * row),
            xanchor="left",
            xshift=14,
            text=f"{name}",
            showarrow=False,
            font={"color": colour, "size": 11},
        )
    figure.update_layout(margin_b=_BELOW + 44)


def _marks(last: int) -> list[int]:
    """Round days, about as many as `_MARKS`, none beyond the last."""
    step = next(
        (days for days in (1, 2, 5, 10, 15, 30, 60, 90, 180, 365) if days * _MARKS >= last), 730
    )
    return list(range(0, last + 1, step))


def _rgba(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
