"""Active installs over time, as the overview and the adoption page show them."""

from __future__ import annotations

from datetime import date

import streamlit as st

from dashboard import charts
from dashboard.analysis.releases import releases
from dashboard.shapes import if_any
from dashboard.views.block import block
from dashboard.views.frame import View

COLUMNS = {
    "day": st.column_config.DateColumn("Day", format="D MMM YYYY"),
    "active_1": st.column_config.NumberColumn("Active 1 day", format="localized"),
    "active_7": st.column_config.NumberColumn("7 days", format="localized"),
    "active_30": st.column_config.NumberColumn("30 days", format="localized"),
}


def active_installs(view: View, finding: str) -> None:
    """Draw them under a finding."""
    frame = view.table("active_installs")
    figure = charts.lines(
        frame,
        "day",
        {"active_30": "30 days", "active_7": "7 days", "active_1": "1 day"},
        unit="installs",
        complete_until=view.scope.as_of,
    )
    block(
        finding,
        "Installs with a visit in the 1, 7 and 30 days that end with each day (UTC). Dotted "
        "lines: a version was first seen.",
        charts.mark(figure, frame["day"], release_marks(view)),
        if_any(frame, "active_30"),
        "active_installs",
        columns=COLUMNS,
    )


def release_marks(view: View) -> list[tuple[date, str]]:
    """The first day of every version that matters in the period."""
    found = view.ask(releases)
    return [
        (day.date(), version) for day, version in zip(found["day"], found["version"], strict=True)
    ]
