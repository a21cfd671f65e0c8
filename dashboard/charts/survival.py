"""How long users stay: two curves with their intervals, and how many are still followed."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.names import beside, room_for
from dashboard.charts.theme import GREY, LOSS, MARGIN, SHARES, add, blank

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
        steps = {
            "type": "scatter",
            "x": curve["day"],
            "y": curve["survival"],
            "mode": "lines",
            "line": {"color": colour, "width": 2, "shape": "hv"},
            "customdata": curve[["low", "high", "at_risk"]].to_numpy(),
            "hovertemplate": (
                "after %{x} days <b>%{y:.0%}</b> were still there, 95 % interval "
                "%{customdata[0]:.0%} to %{customdata[1]:.0%}; %{customdata[2]:,} still followed"
                f"<extra>{name}</extra>"
            ),
        }
        figure.add_traces([*_band(curve, colour), steps])
        ends.append((float(curve["survival"].iloc[-1]), str(name), colour))
    add(figure, [*_names_of(sorted(ends)), *_at_risk(curves, exposed, last)])
    right = room_for(name for _, name, _ in ends)
    figure.update_layout(margin=MARGIN | {"r": right, "b": _BELOW + 44})
    figure.update_yaxes(range=[0, 1.03], tickformat=SHARES, title_text="still there")
    figure.update_xaxes(
        range=[-0.02 * last - 0.5, 1.02 * last],
        tickvals=_marks(last),
        title={"text": "days since the visit", "standoff": 8},
        zeroline=False,
    )
    return figure


def _band(curve: pd.DataFrame, colour: str) -> list[dict[str, Any]]:
    """The traces between which lies the interval of a curve."""
    return [
        {
            "type": "scatter",
            "x": curve["day"],
            "y": curve[column],
            "mode": "lines",
            "line": {"width": 0, "shape": "hv"},
            "fill": fill,
            "fillcolor": _rgba(colour, 0.18),
            "hoverinfo": "skip",
        }
        for column, fill in (("high", None), ("low", "tonexty"))
    ]


def _names_of(ends: list[tuple[float, str, str]]) -> list[dict[str, Any]]:
    """Each curve's name behind its end, apart from the other's."""
    height = -1.0
    words = []
    for end, name, colour in ends:
        height = max(end, height + 0.08)
        words.append(beside(name, colour, height))
    return words


def _at_risk(curves: pd.DataFrame, exposed: str, last: int) -> list[dict[str, Any]]:
    """Below the axis, how many are followed at each mark."""
    words: list[dict[str, Any]] = []
    for row, (name, curve) in enumerate(curves.groupby("group", sort=True)):
        followed = curve.set_index("day")["at_risk"]
        common = {
            "y": 0,
            "yref": "paper",
            "yshift": -(_BELOW + 17 * row),
            "showarrow": False,
            "font": {"color": LOSS if name == exposed else GREY, "size": 11},
        }
        for mark in _marks(last):
            words.append(common | {"x": mark, "text": f"{int(followed.get(mark, 0)):,}"})
        words.append(
            common | {"x": 1, "xref": "paper", "xanchor": "left", "xshift": 14, "text": str(name)}
        )
    return words


def _marks(last: int) -> list[int]:
    """Round days, about as many as `_MARKS`, none beyond the last."""
    step = next(
        (days for days in (1, 2, 5, 10, 15, 30, 60, 90, 180, 365) if days * _MARKS >= last), 730
    )
    return list(range(0, last + 1, step))


def _rgba(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
