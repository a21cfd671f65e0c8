"""Adoption: who comes, who stays, on which version?"""

from __future__ import annotations

import streamlit as st

from dashboard import charts, findings
from dashboard.shapes import last_complete_week, top_versions, triangle
from dashboard.versions import newest_first
from dashboard.views.block import block
from dashboard.views.frame import View


def show(view: View) -> None:
    """Draw the page."""
    left, right = st.columns(2)
    with left:
        new = view.table("new_installs")
        block(
            findings.new_installs(new),
            "Installs by the day of their first report (UTC). Paler: the day is not over.",
            charts.bars_over_time(
                new, "day", "installs", unit="new installs", complete_until=view.scope.as_of
            ),
            new,
            "new_installs",
        )
    with right:
        active = view.table("active_installs")
        block(
            findings.active(float(active["active_30"].iloc[-1]) if len(active) else 0, None),
            "Installs with a visit in the 1, 7 and 30 days that end with each day (UTC).",
            charts.lines(
                active,
                "day",
                {"active_30": "30 days", "active_7": "7 days", "active_1": "1 day"},
                unit="installs",
                complete_until=view.scope.as_of,
            ),
            active,
            "active_installs",
        )
    adoption = view.table("version_adoption")
    wide, names = top_versions(adoption, newest_first(set(adoption["version"])))
    block(
        findings.versions(adoption),
        "Share of the installs active in each week (from Monday, UTC), by the version they last "
        "ran in it. Weeks that are not over are left out.",
        charts.stacked_shares(
            wide,
            "week",
            names,
            unit="active installs",
            complete_until=last_complete_week(view.scope.as_of),
        ),
        adoption,
        "version_adoption",
    )
    retention = view.table("retention")
    cells, hover = triangle(retention)
    block(
        findings.retention(retention),
        "Of the installs that came in one week, the share with a visit in each week after. Empty: "
        "the week is not over.",
        charts.heat_map(
            cells, hover=hover, x_title="weeks after the first", top=cells.max(axis=None)
        )
        if cells.size
        else None,
        retention,
        "retention",
    )
