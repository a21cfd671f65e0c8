"""Active installs over time, as the overview and the adoption page show them."""

from __future__ import annotations

import streamlit as st

from dashboard import charts
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
    block(
        finding,
        "Installs with a visit in the 1, 7 and 30 days that end with each day (UTC).",
        charts.lines(
            frame,
            "day",
            {"active_30": "30 days", "active_7": "7 days", "active_1": "1 day"},
            unit="installs",
            complete_until=view.scope.as_of,
        ),
        frame,
        "active_installs",
        columns=COLUMNS,
    )
