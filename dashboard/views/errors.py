"""Errors: which of them cost you users, and who left?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import charts, findings
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
_LEAVER_COLUMNS = {
    "install": "Install",
    "first_seen": st.column_config.DateColumn("First seen", format="D MMM YYYY"),
    "last_seen": st.column_config.DateColumn("Last seen", format="D MMM YYYY"),
    "silent_days": _NUMBER("Silent", format="%d days"),
    "visits": _NUMBER("Visits"),
    "fingerprint": None,
    "type": "Last error",
    "version": "Version",
    "os": "OS",
    "sentry_url": st.column_config.LinkColumn("Sentry", display_text="open ↗"),
}


def show(view: View) -> None:
    """Draw the page."""
    impact = view.table("error_interval")
    forest(view, impact)
    if len(impact.dropna(subset=["excess"])):  # else the table stands above, without a picture
        _ranking(view, impact)
    left = view.table("left_after_error")
    block(
        findings.leavers(left),
        f"Installs whose last visit had an error and lies {view.scope.horizon} days or more back, "
        "the latest first.",
        None,
        left,
        "left_after_error",
        columns=_columns(_LEAVER_COLUMNS, view),
        nothing="Nobody is known to have left after an error in this period.",
    )


def _ranking(view: View, impact: pd.DataFrame) -> None:
    block(
        "Every error of the period, the costliest first",
        "Users are compared at the same point of their life with the tool: by number of visits, "
        "gap since the last one, version, OS and month.",
        None,
        impact,
        "error_ranking",
        columns=_columns(_IMPACT_COLUMNS, view),
    )


def forest(view: View, impact: pd.DataFrame, *, most: int = 15) -> None:
    """Draw the users lost to each error with their intervals, the costliest on top."""
    judged = impact.dropna(subset=["excess"]).head(most)
    names = [
        findings.error_name(*pair) for pair in zip(judged["type"], judged["where"], strict=True)
    ]
    figure = charts.intervals(
        judged.assign(name=names, proven=findings.proven(judged)),
        "name",
        "excess",
        "ci_low",
        "ci_high",
        x_title="users lost",
    )
    early = len(impact) - len(impact.dropna(subset=["excess"]))
    block(
        findings.worst_error(impact),
        "Users who left after the error beyond those who would have left anyway, with 95 % "
        f"interval. Gone is who stays away for {view.scope.horizon} days; grey may be chance."
        + (f" {early} more are too early to tell." if early else ""),
        figure if len(judged) else None,
        impact,
        "error_interval",
        columns=_columns(_IMPACT_COLUMNS, view),
        nothing="No error was reported in this period.",
    )


def _columns(columns: Mapping[str, Any], view: View) -> dict[str, Any]:
    """Without Sentry there is nothing to link to."""
    return {**columns} if view.sentry else {**columns, "sentry_url": None}
