"""Charts: tables to Plotly figures, in one look that works on light and dark ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboard.words import TOO_FEW, percent, plain_label

# Okabe–Ito (jfly.uni-koeln.de/color), its darkest and lightest shifted to show on both grounds.
PALETTE = ("#1f83c4", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#a07038", "#8f7fd6")
ACCENT = PALETTE[0]
GREY = "#8a94a3"
LOSS = "#d9483b"
HEAT = "cividis"

FEW = 10
"""Up to this many points in time, each is marked and named."""

SPAN = 30
"""Weeks in about half a year."""

HEIGHT = 300
# Dates as "12 Mar"; the year where it begins.
_DATES = [
    {"dtickrange": [None, 27 * 86_400_000], "value": "%-d %b\n%Y"},
    {"dtickrange": [27 * 86_400_000, None], "value": "%b\n%Y"},
]
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def colours(names: Sequence[str]) -> dict[str, str]:
    """One colour a name, the same on every page for the same names; the rest are grey."""
    return {
        name: PALETTE[place] if place < len(PALETTE) else GREY for place, name in enumerate(names)
    }


def lines(
    frame: pd.DataFrame,
    x: str,
    series: Mapping[str, str],
    *,
    unit: str,
    complete_until: date,
    colour: Mapping[str, str] | None = None,
    height: int = HEIGHT,
) -> go.Figure:
    """Lines over time, each named at its end; what is not complete yet is dotted.

    Args:
        series: a column of `frame` and the name its line bears.
        complete_until: the last day or week that is over.
    """
    colour = colour or colours(list(series))
    figure = _figure(height)
    times = pd.to_datetime(frame[x])
    whole = times <= pd.Timestamp(complete_until)
    for column, name in series.items():
        label = plain_label(name)
        hover = f"%{{x|%-d %b %Y}}: <b>%{{y:,}}</b> {unit}"
        style = {"color": colour[column], "width": 2}
        mode = "lines" if len(frame) > FEW else "lines+markers"
        common = {"mode": mode, "name": label, "showlegend": False}
        figure.add_scatter(
            x=times[whole],
            y=frame[column][whole],
            line=style,
            **common,
            hovertemplate=f"{hover}<extra>{label}</extra>",
        )
        if not whole.all():
            tail = ~whole | (times == times[whole].max())  # joined to the last whole one
            figure.add_scatter(
                x=times[tail],
                y=frame[column][tail],
                line=style | {"dash": "dot"},
                opacity=0.55,
                **common,
                hovertemplate=f"{hover} so far<extra>{label}, not complete</extra>",
            )
    if len(series) > 1 and len(frame):
        _name_at_end(figure, frame, times, series, colour)
    _date_axis(figure, times)
    figure.update_yaxes(rangemode="tozero", title_text=unit)
    return figure


def bars_over_time(
    frame: pd.DataFrame, x: str, y: str, *, unit: str, complete_until: date, height: int = HEIGHT
) -> go.Figure:
    """Bars over time; what is not complete yet is paler."""
    figure = _figure(height)
    times = pd.to_datetime(frame[x])
    whole = times <= pd.Timestamp(complete_until)
    note = ["" if is_whole else " so far, not complete" for is_whole in whole]
    figure.add_bar(
        x=times,
        y=frame[y],
        marker={"color": ACCENT, "opacity": [1.0 if is_whole else 0.4 for is_whole in whole]},
        customdata=note,
        hovertemplate=f"%{{x|%-d %b %Y}}: <b>%{{y:,}}</b> {unit}%{{customdata}}<extra></extra>",
    )
    _date_axis(figure, times)
    figure.update_yaxes(rangemode="tozero", title_text=unit)
    return figure


def above_and_below(
    frame: pd.DataFrame,
    x: str,
    above: Mapping[str, str],
    below: Mapping[str, str],
    *,
    unit: str,
    complete_until: date,
) -> go.Figure:
    """Bars over time, stacked, some above zero and some below; paler where not complete."""
    figure = _figure(HEIGHT)
    times = pd.to_datetime(frame[x])
    opacity = [1.0 if whole else 0.4 for whole in times <= pd.Timestamp(complete_until)]
    colour = dict(zip([*above, *below], [*PALETTE[: len(above)], GREY], strict=True))
    for column, name in {**above, **below}.items():
        sign = -1 if column in below else 1
        figure.add_bar(
            x=times,
            y=sign * frame[column],
            name=name,
            marker={"color": colour[column], "opacity": opacity},
            customdata=frame[column],
            hovertemplate="week of %{x|%-d %b %Y}: <b>%{customdata:,}</b> "
            f"{unit}<extra>{name}</extra>",
        )
    _date_axis(figure, times)
    figure.update_yaxes(title_text=unit)
    figure.update_layout(
        barmode="relative", showlegend=True, legend={"orientation": "h", "y": 1.12}
    )
    return figure


def bars(frame: pd.DataFrame, label: str, value: str, *, unit: str) -> go.Figure:
    """Horizontal bars, largest on top, each with its number and its `share` of the whole."""
    figure = _figure(max(120, 34 * len(frame) + 50))
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


def stacked_shares(
    frame: pd.DataFrame, x: str, series: Mapping[str, str], *, unit: str, complete_until: date
) -> go.Figure | None:
    """Shares of a whole over time as areas, the last of the series on top; ends when complete.

    None where fewer than two weeks are complete: there is no area to draw.
    """
    figure = _figure(HEIGHT + 40)
    whole = frame[pd.to_datetime(frame[x]) <= pd.Timestamp(complete_until)]
    if len(whole) < 2:
        return None
    shares = whole[list(series)].div(whole[list(series)].sum(axis=1), axis=0)
    colour = colours(list(series))
    below = 0.0
    for column, name in series.items():
        label = plain_label(name)
        figure.add_scatter(
            x=whole[x],
            y=shares[column],
            stackgroup="all",
            mode="lines",
            line={"width": 0.5, "color": colour[column]},
            hovertemplate=f"%{{x|%-d %b %Y}}: <b>%{{y:.0%}}</b> of {unit}<extra>{label}</extra>",
        )
        last = shares[column].iloc[-1]
        if last > 0.03:
            figure.add_annotation(
                x=1,
                xref="paper",
                y=below + last / 2,
                text=label,
                showarrow=False,
                xanchor="left",
                xshift=6,
                font={"color": colour[column], "size": 12},
            )
        below += last
    figure.update_yaxes(tickformat=".0%", range=[0, 1], title_text=f"share of {unit}")
    _date_axis(figure, whole[x])
    figure.update_xaxes(range=[whole[x].iloc[0], whole[x].iloc[-1]])
    figure.update_layout(margin=_MARGIN | {"r": 110})
    return figure


def heat_map(
    cells: pd.DataFrame, *, hover: Sequence[Sequence[str]], x_title: str, top: float = 1.0
) -> go.Figure:
    """A table of shares as colours, each with its number; rows and columns as in `cells`.

    Args:
        hover: the words for each cell.
        top: the share that the brightest colour stands for.
    """
    figure = _figure(90 + 28 * len(cells))
    figure.add_heatmap(
        z=cells.to_numpy(),
        x=[plain_label(str(name)) for name in cells.columns],
        y=[plain_label(str(name)) for name in cells.index],
        customdata=hover,
        texttemplate="%{z:.0%}",
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


def intervals(
    frame: pd.DataFrame, label: str, value: str, low: str, high: str, *, x_title: str
) -> go.Figure:
    """Estimates with their intervals, one a row; grey where they may be chance.

    Args:
        frame: has a column `proven` besides those named: false where it may be chance.
    """
    figure = _figure(max(HEIGHT, 42 * len(frame) + 70))
    colour = [
        GREY if not is_certain else LOSS if estimate > 0 else ACCENT
        for is_certain, estimate in zip(frame["proven"], frame[value], strict=True)
    ]
    rows = list(range(len(frame)))  # two errors may bear the same short name
    names = [plain_label(name) for name in frame[label]]
    figure.add_scatter(
        x=frame[value],
        y=rows,
        mode="markers",
        marker={"color": colour, "size": 11},
        text=names,
        customdata=frame[[low, high]].to_numpy(),
        hovertemplate=(
            "%{text}<br><b>%{x:.1f}</b> users lost, 95 % interval "
            "%{customdata[0]:.1f} to %{customdata[1]:.1f}<extra></extra>"
        ),
    )
    for row, ends, shade in zip(rows, frame[[low, high]].to_numpy(), colour, strict=True):
        figure.add_scatter(
            x=ends,
            y=[row, row],
            mode="lines",
            hoverinfo="skip",
            line={"color": shade, "width": 3},
        )
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    figure.update_yaxes(
        range=[len(frame) - 0.5, -0.5], tickvals=rows, ticktext=names, automargin=True
    )
    ends = [0.0, *frame[low], *frame[high]]
    room = 0.06 * max(1.0, max(ends) - min(ends))
    figure.update_xaxes(
        title_text=x_title, zeroline=False, range=[min(ends) - room, max(ends) + room]
    )
    return figure


def shares_over_time(frame: pd.DataFrame, *, unit: str) -> go.Figure:
    """Shares with their intervals: value (the time), share, low, high, judged."""
    figure = _figure(HEIGHT)
    figure.add_scatter(
        x=frame["value"],
        y=frame["share"],
        mode="lines+markers",
        line={"color": ACCENT, "width": 2},
        error_y=_reach(frame),
        customdata=frame[["low", "high", "judged"]].to_numpy(),
        hovertemplate=(
            "%{x}: <b>%{y:.0%}</b> of %{customdata[2]:,}, 95 % interval "
            "%{customdata[0]:.0%} to %{customdata[1]:.0%}<extra></extra>"
        ),
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", title_text=unit)
    return figure


def shares_by_name(frame: pd.DataFrame, *, x_title: str) -> go.Figure:
    """Shares with their intervals, a row a value; grey where there are few cases."""
    figure = _figure(max(140, 34 * len(frame) + 70))
    figure.add_scatter(
        x=frame["share"],
        y=[plain_label(str(value)) for value in frame["value"]],
        mode="markers",
        marker={
            "size": 10,
            "color": [ACCENT if judged >= TOO_FEW else GREY for judged in frame["judged"]],
        },
        error_x=_reach(frame),
        customdata=frame[["low", "high", "judged"]].to_numpy(),
        hovertemplate=(
            "%{y}: <b>%{x:.0%}</b> of %{customdata[2]:,}, 95 % interval "
            "%{customdata[0]:.0%} to %{customdata[1]:.0%}<extra></extra>"
        ),
    )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(tickformat=".0%", rangemode="tozero", title_text=x_title)
    return figure


def _reach(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        "type": "data",
        "array": frame["high"] - frame["share"],
        "arrayminus": frame["share"] - frame["low"],
        "color": GREY,
        "thickness": 1.5,
        "width": 3,
    }


def _figure(height: int) -> go.Figure:
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        showlegend=False,
        hovermode="closest",
        hoverlabel={"namelength": -1},
        bargap=0.25,
        dragmode=False,
    )
    figure.update_xaxes(showgrid=False, automargin=True, fixedrange=True, tickformatstops=_DATES)
    figure.update_yaxes(automargin=True, fixedrange=True)
    return figure


def _date_axis(figure: go.Figure, times: pd.Series) -> None:
    """Name days, or months where they are many; each of them where they are few."""
    figure.update_xaxes(tickformatstops=_DATES, type="date")
    if len(times) <= FEW:
        figure.update_xaxes(tickvals=list(times), tickformat="%-d %b", tickformatstops=[])
    elif len(times) <= 2 * SPAN and times.iloc[1] - times.iloc[0] == timedelta(days=7):
        # Name the weeks by their own Mondays, not by the Sundays that Plotly prefers.
        step = -(-len(times) // FEW) * 7 * 86_400_000
        figure.update_xaxes(tick0=times.iloc[0], dtick=step)


def _name_at_end(
    figure: go.Figure,
    frame: pd.DataFrame,
    times: Any,
    series: Mapping[str, str],
    colour: Mapping[str, str],
) -> None:
    """Write each line's name behind its last point, names that would touch moved apart."""
    last = {column: float(frame[column].iloc[-1]) for column in series}
    span = max(1e-9, float(frame[list(series)].to_numpy().max())) * 0.075
    height = -span
    for column in sorted(series, key=lambda name: last[name]):
        height = max(last[column], height + span)
        figure.add_annotation(
            x=times.iloc[-1],
            y=height,
            text=plain_label(series[column]),
            showarrow=False,
            xanchor="left",
            xshift=6,
            font={"color": colour[column], "size": 12},
        )
    room = (times.iloc[-1] - times.iloc[0]) * 0.16 + timedelta(hours=12)
    figure.update_xaxes(range=[times.iloc[0], times.iloc[-1] + room])
