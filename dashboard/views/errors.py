"""Errors: which of them cost you users, and what became of those who met one?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, findings
from dashboard.views import one_error
from dashboard.views.address import look_at, looked_at
from dashboard.views.block import block
from dashboard.views.frame import View

_NUMBER = st.column_config.NumberColumn
_IMPACT_COLUMNS = {
    "fingerprint": None,
    "type": "Error",
    "where": "Where",
    "installs": _NUMBER("Hit", help="Installs that met it in this period."),
    "visits": _NUMBER("Visits", help="Visits with it whose horizon is over."),
    "unmatched": _NUMBER("Unmatched", help="Of these, visits for which no like ones were found."),
    "left": _NUMBER("Left", help="Matched visits after which the user was gone."),
    "expected": _NUMBER("Expected", format="%.1f", help="Leavers of as many like visits."),
    "excess": _NUMBER(
        "Users lost", format="%.1f", help="Left, less expected: net of what other errors cost."
    ),
    "ci_low": _NUMBER("from", format="%.1f", help="Lower end of the 95 % interval."),
    "ci_high": _NUMBER("to", format="%.1f", help="Upper end of the 95 % interval."),
    "q_value": _NUMBER(
        "q", format="%.3f", help="Chance-corrected: below 0.05, chance alone hardly explains it."
    ),
    "sentry_url": st.column_config.LinkColumn("Sentry", display_text="open ↗"),
}
MOST = 15
"""Errors drawn; the table has them all."""


def show(view: View) -> None:
    """Draw the page: all errors, or the one that the address names."""
    impact = view.table("error_interval")
    fingerprint = looked_at("error", 16)
    if fingerprint:
        one_error.show(view, fingerprint, impact)
        return
    _chooser(impact)
    forest(view, impact, on_row=lambda row: _look_at(impact, row))
    if len(impact.dropna(subset=["excess"])):  # else the table stands above, without a picture
        _ranking(view, impact)


def _chooser(impact: pd.DataFrame) -> None:
    """Let the viewer choose an error by its name, also without a mouse."""
    if impact.empty:
        return
    names = findings.error_names(impact)
    chosen = st.selectbox(
        "Look at one error",
        range(len(names)),
        index=None,
        format_func=lambda row: names[row],
        placeholder="Choose one here, in the picture or in the table",
        width=560,
    )
    if chosen is not None:
        _look_at(impact, chosen)


def _look_at(impact: pd.DataFrame, row: int) -> None:
    look_at("error", str(impact.iloc[row]["fingerprint"]))


def _ranking(view: View, impact: pd.DataFrame) -> None:
    block(
        findings.compared(impact),
        "Every error of the period, the costliest first; choose a row to look into it. Users are "
        "compared at the same point of their life with the tool: by number of visits, gap since "
        f"the last one, version, OS and month. Below {findings.MIN_VISITS} matched visits nothing "
        "is called proven.",
        None,
        impact,
        "error_ranking",
        columns=_columns(_IMPACT_COLUMNS, view),
        on_row=lambda row: _look_at(impact, row),
    )


def forest(
    view: View,
    impact: pd.DataFrame,
    *,
    most: int = MOST,
    on_row: Callable[[int], None] | None = None,
) -> None:
    """Draw the users lost to each error with their intervals, the costliest on top.

    Args:
        on_row: called with the place of an error that the viewer chooses in the picture.
    """
    judged = impact.dropna(subset=["excess"]).head(most)
    figure = charts.intervals(
        judged.assign(name=findings.error_names(judged), proven=findings.proven(judged)),
        "name",
        "excess",
        "ci_low",
        "ci_high",
        x_title="users lost",
    )
    block(
        findings.worst_error(impact),
        "Users who left after the error beyond those who would have left anyway, with 95 % "
        f"interval. Gone is who stays away for {view.scope.horizon} days; grey may be chance."
        + (findings.not_judged(impact) if len(judged) else ""),
        figure if len(judged) else None,
        impact,
        "error_interval",
        columns=_columns(_IMPACT_COLUMNS, view),
        nothing="What each error costs is drawn here when some are.",
        on_row=on_row,
    )


def _columns(columns: Mapping[str, Any], view: View) -> dict[str, Any]:
    """Without Sentry there is nothing to link to."""
    return {**columns} if view.sentry else {**columns, "sentry_url": None}
