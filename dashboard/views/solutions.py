"""Solutions: what is deployed with the tool, and does it work?"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, findings
from dashboard.analysis import choices
from dashboard.analysis.funnel import STEPS
from dashboard.analysis.solutions import (
    deployments_by_operation,
    deployments_by_solution,
    deployments_by_week,
)
from dashboard.shapes import last_complete_week, success_map
from dashboard.views.block import block
from dashboard.views.frame import View
from dashboard.words import count, percent, plain_markdown

ACROSS = 3
RANGES = 14
"""Durations drawn, the longest first; the table has them all."""
MOST = 12
"""Solutions drawn, the most deployed first; the tables have them all."""


def show(view: View) -> None:
    """Draw the page."""
    deployments = view.table("solution_deployments")
    by_operation = view.ask(deployments_by_operation)
    _small_multiples(view)
    cells, hover, texts = success_map(by_operation)
    block(
        findings.success(by_operation),
        "Attempts in the period that ended well, by solution and operation: their share, of how "
        "many.",
        charts.heat_map(cells, hover=hover, x_title="", texts=texts),
        by_operation,
        "deployments_by_operation",
        columns=_columns(),
    )
    left, right = st.columns(2)
    with left:
        _durations(view)
    with right:
        _funnel(view)
    block(
        "Every deployment by week, solution and operation",
        "Attempts are runs that name a solution; installs made at least one of them.",
        None,
        deployments,
        "solution_deployments",
        columns=_columns(),
        nothing="No solution was deployed in this period.",
    )


def _small_multiples(view: View) -> None:
    """Draw deployments a week, a chart a solution, all on one scale."""
    ranked, weekly = view.ask(deployments_by_solution), view.ask(deployments_by_week)
    shades = charts.colours(sorted(view.ask(choices.solutions)["solution"]))
    top = 1.05 * max(1, weekly["attempts"].max()) if len(weekly) else 1
    with st.container(border=True):
        st.markdown(f"##### {findings.deployments(ranked)}")
        st.caption("Attempts a week (from Monday, UTC), all on one scale. Dotted: not over.")
        rows = ranked.head(MOST).to_dict("records")
        for place, row in enumerate(rows):
            if place % ACROSS == 0:
                columns = st.columns(ACROSS)
            with columns[place % ACROSS]:
                _small(view, row, weekly, shades, top)


def _durations(view: View) -> None:
    frame = view.table("solution_quality")
    timed = frame[frame["timed"] > 0]
    block(
        findings.durations(timed),
        "From the median (p50) to the 90th percentile (p90) of the attempts in the period that "
        "ended well and tell how long they took. Grey: fewer than 30 of them.",
        charts.ranges(
            timed.assign(name=timed["operation"].fillna("(none)") + " · " + timed["solution"])
            .sort_values("median_ms", ascending=False)
            .head(RANGES)
        ),
        frame,
        "solution_quality",
        columns=_columns(),
        nothing="No attempt told how long it took.",
    )


def _funnel(view: View) -> None:
    frame = view.table("funnel")
    begun = frame[frame["step"] == 1].nlargest(MOST // 2, "installs")["solution"]
    block(
        findings.funnel(frame),
        f"Installs that came to {', then '.join(STEPS)}, in this order, in the period; the share "
        "is of those who began. The most begun solutions.",
        charts.steps(frame[frame["solution"].isin(begun)], list(begun)),
        frame,
        "funnel",
        columns=_columns(),
        nothing=f"Nobody began a solution with {STEPS[0]} in this period.",
    )


def _small(
    view: View, row: dict[Any, Any], weekly: pd.DataFrame, shades: dict[str, str], top: float
) -> None:
    solution = row["solution"]
    st.markdown(
        f"**{plain_markdown(solution)}** {count(row['attempts'])} attempts, "
        f"{percent(row['succeeded'] / row['attempts'])} ended well"
    )
    figure = charts.lines(
        weekly[weekly["solution"] == solution],
        "week",
        {"attempts": solution},
        unit="attempts",
        complete_until=last_complete_week(view.scope.as_of),
        colour={"attempts": shades[solution]},
        height=170,
        top=top,
    )
    figure.update_yaxes(title_text="")
    st.plotly_chart(figure, config={"displayModeBar": False}, key=f"chart-solution-{solution}")


def _columns() -> dict[str, object]:
    number = st.column_config.NumberColumn
    return {
        "week": st.column_config.DateColumn("Week from", format="D MMM YYYY"),
        "solution": "Solution",
        "operation": "Operation",
        "attempts": number("Attempts", format="localized"),
        "succeeded": number("Ended well", format="localized"),
        "installs": number("Installs", format="localized"),
        "share": number("Share", format="percent"),
        "timed": number("Timed", format="localized"),
        "median_ms": number("Median", format="%d ms"),
        "p90_ms": number("90th percentile", format="%d ms"),
        "step": "Step",
    }
