"""One install: its timeline, and every report of it."""

from __future__ import annotations

import streamlit as st

from dashboard import charts, findings_of_installs
from dashboard.analysis.one_install import MOST_REPORTS, silences, timeline
from dashboard.views.address import look_away
from dashboard.views.block import block
from dashboard.views.frame import View
from dashboard.words import count

_KINDS = (
    charts.Kind("ended well", charts.PALETTE[0], "circle"),
    charts.Kind("ended with an error", charts.PALETTE[1], "diamond-open"),
    charts.Kind("cancelled", charts.GREY, "circle-open"),
    charts.Kind("no outcome told", charts.GREY, "circle"),
    charts.Kind("crashed", charts.LOSS, "x"),
)
_COLUMNS = {
    "at": st.column_config.DatetimeColumn("When (UTC)", format="D MMM YYYY, HH:mm:ss"),
    "kind": None,
    "operation": "Operation",
    "solution": "Solution",
    "outcome": "Outcome",
    "duration_ms": st.column_config.NumberColumn("Took (ms)", format="localized"),
    "type": "Error",
    "where": st.column_config.TextColumn("Where", width="medium"),
    "fingerprint": None,
    "version": "Version",
    "os": "OS",
    "ci": st.column_config.CheckboxColumn("CI"),
    "sentry_url": st.column_config.LinkColumn("Sentry", display_text="open ↗"),
}


def show(view: View, install: str) -> None:
    """Draw everything about it."""
    st.button(
        "All installs",
        icon=":material/arrow_back:",
        on_click=look_away,
        args=("install",),
        type="tertiary",
    )
    st.markdown(f"## Install `{install}`")
    reports = view.ask(timeline, about=install)
    if reports.empty:
        st.info(
            "No install that reported to this app is called so, or it asked to be forgotten.",
            icon=":material/hourglass_empty:",
        )
        return
    met = view.sentry.of_user(install) if view.sentry else None
    if met:
        st.markdown(f"[What it met, in Sentry ↗]({met})")
    pauses = view.ask(silences, about=install)
    links = [
        view.sentry.of_event(event) if view.sentry and isinstance(event, str) else None
        for event in reports["sentry_event"]
    ]
    whole = f" The last {count(MOST_REPORTS)} reports." if len(reports) == MOST_REPORTS else ""
    block(
        findings_of_installs.life(reports, pauses),
        "Each report at its moment (UTC), by operation and outcome, on all days whatever the "
        f"filters; shaded: silent for more than {view.scope.horizon} days.{whole}",
        charts.install_timeline(findings_of_installs.dots(reports), pauses, _KINDS),
        reports.drop(columns="sentry_event").assign(sentry_url=links),
        "timeline",
        columns=_COLUMNS if view.sentry else {**_COLUMNS, "sentry_url": None},
        open_table=True,
    )
