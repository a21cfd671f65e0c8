"""Adoption: who comes, who stays, on which version?"""

from __future__ import annotations

import streamlit as st

from dashboard import charts, findings
from dashboard.shapes import OTHERS, if_any, last_complete_week, top_versions, triangle
from dashboard.versions import newest_first
from dashboard.views.active import active_installs, release_marks
from dashboard.views.block import block
from dashboard.views.frame import View

_NUMBER = st.column_config.NumberColumn
_COLUMNS = {
    "day": st.column_config.DateColumn("Day", format="D MMM YYYY"),
    "week": st.column_config.DateColumn("Week from", format="D MMM YYYY"),
    "cohort": st.column_config.DateColumn("First week", format="D MMM YYYY"),
    "version": "Version",
    "installs": _NUMBER("Installs", format="localized"),
    "new": _NUMBER("New", format="localized"),
    "returning": _NUMBER("Returning", format="localized"),
    "resurrected": _NUMBER("Resurrected", format="localized"),
    "dormant": _NUMBER("Dormant", format="localized"),
    "size": _NUMBER("New installs", format="localized"),
    "active_1": _NUMBER("Active 1 day", format="localized"),
    "active_30": _NUMBER("30 days", format="localized"),
    "active": _NUMBER("There", format="localized"),
    "share": _NUMBER("Share", format="percent"),
}


def show(view: View) -> None:
    """Draw the page."""
    left, right = st.columns(2)
    with left:
        _new(view)
    with right:
        active = view.complete(view.table("active_installs"), "day")["active_30"]
        now = active.iloc[-1] if len(active) else 0
        active_installs(view, findings.active(now, until=view.ended))
    left, right = st.columns(2)
    with left:
        _lifecycle(view)
    with right:
        _stickiness(view)
    _versions(view)
    _retention(view)


def _new(view: View) -> None:
    frame = view.table("new_installs")
    figure = charts.bars_over_time(
        frame, "day", "installs", unit="new installs", complete_until=view.scope.as_of
    )
    block(
        findings.new_installs(view.complete(frame, "day")),
        "Installs by the day of their first report (UTC). Paler: the day is not over.",
        charts.mark(figure, frame["day"], release_marks(view)),
        if_any(frame, "installs"),
        "new_installs",
        columns=_COLUMNS,
    )


def _lifecycle(view: View) -> None:
    frame = view.table("lifecycle")
    block(
        findings.lifecycle(frame, last_complete_week(view.scope.as_of)),
        "Installs active in each week (from Monday, UTC): new, there the week before too, or back "
        "after a pause; below zero, those of the week before who are missing. Paler: not over.",
        charts.above_and_below(
            frame,
            "week",
            {"returning": "returning", "new": "new", "resurrected": "resurrected"},
            {"dormant": "dormant"},
            unit="installs",
            complete_until=last_complete_week(view.scope.as_of),
        ),
        if_any(frame, "new", "returning", "resurrected", "dormant"),
        "lifecycle",
        columns=_COLUMNS,
    )


def _stickiness(view: View) -> None:
    frame = view.table("stickiness")
    block(
        findings.stickiness(view.complete(frame, "day")),
        "Installs active on a day, as a share of those active in the 30 days that end with it "
        "(UTC): how much of the month's users a day sees.",
        charts.lines(
            frame,
            "day",
            {"share": "share"},
            unit="of active 30",
            complete_until=view.scope.as_of,
            shares=True,
        ),
        if_any(frame, "active_30"),
        "stickiness",
        columns=_COLUMNS,
    )


def _versions(view: View) -> None:
    frame = view.table("version_adoption")
    wide, names = top_versions(frame, newest_first(set(frame["version"])))
    figure = charts.stacked_shares(
        wide,
        "week",
        names,
        unit="active installs",
        complete_until=last_complete_week(view.scope.as_of),
        rest=OTHERS,
    )
    block(
        findings.versions(view.complete(frame, "week")),
        "Share of the installs active in each week (from Monday, UTC), by the version they last "
        "ran in it. Weeks that are not over are left out of the picture.",
        figure and charts.mark(figure, view.complete(wide, "week")["week"], release_marks(view)),
        frame,
        "version_adoption",
        columns=_COLUMNS,
    )


def _retention(view: View) -> None:
    frame = view.table("retention")
    cells, hover = triangle(frame)
    figure = None
    if cells.size:
        top = cells.max(axis=None)
        figure = charts.heat_map(cells, hover=hover, x_title="weeks after the first", top=top)
    block(
        findings.retention(frame),
        "Of the installs that came in one week, the share (%) with a visit in each week after. "
        "Empty: the week is not over.",
        figure,
        frame,
        "retention",
        columns={**_COLUMNS, "week": _NUMBER("Week after")},
    )
