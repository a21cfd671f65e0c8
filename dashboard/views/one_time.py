"""One-time users: who comes once, and never again?"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import streamlit as st

from dashboard import charts, findings
from dashboard.analysis.history import History
from dashboard.analysis.one_time import (
    one_time_by_operation,
    one_time_by_system,
    one_time_by_version,
    one_time_shares,
)
from dashboard.shapes import first_run_pair
from dashboard.views.block import block
from dashboard.views.frame import View

MOST = 10
"""Values drawn; the table has them all."""


def show(view: View) -> None:
    """Draw the page."""
    cohorts = view.table("one_time")
    shares = view.ask(one_time_shares)
    early = int(cohorts["too_early"].sum())
    block(
        findings.one_time(shares["one_time"].sum(), shares["judged"].sum()),
        "Share by the month of the first report (UTC; whole months), with 95 % interval, of the "
        f"installs that had {view.scope.horizon} days to come back."
        + (f" {early:,} more came once so far and are too early to tell." if early else ""),
        charts.shares_over_time(shares, unit="came once"),
        cohorts,
        "one_time",
        columns=_columns(),
        nothing="No install was new in this period.",
    )
    left, right = st.columns(2)
    with left:
        _by(view, one_time_by_operation, "operation", "one_time_by_operation")
        _by(view, one_time_by_version, "version", "one_time_by_version")
    with right:
        _first_run(view)
        _by(view, one_time_by_system, "OS", "one_time_by_os")


def _first_run(view: View) -> None:
    frame = view.table("first_run_errors")
    row = frame.iloc[0]
    judged = row["installs"] - row["unmatched"]
    figure = None
    if judged:
        figure = charts.shares_by_name(first_run_pair(row), x_title="came once")
    unmatched = f" {row['unmatched']:,.0f} found nobody like them." if row["unmatched"] else ""
    block(
        findings.first_run(row),
        f"New installs that met an error on their first day ({judged:,.0f}), beside those at the "
        f"same versions and OS that met none; 95 % interval of the difference.{unmatched}",
        figure,
        frame if row["installs"] else frame.head(0),
        "first_run_errors",
        columns=_columns(),
        nothing="No new install that had time to come back met an error on its first day.",
    )


def _by(view: View, analysis: Callable[[History], ibis.Table], what: str, name: str) -> None:
    frame = view.ask(analysis)
    block(
        findings.one_time_by(frame, what),
        f"Share of the installs new in the period that came once, by their first {what}, with "
        "95 % interval; those too early to tell are left out.",
        charts.shares_by_name(frame.head(MOST), x_title="came once"),
        frame,
        name,
        columns=_columns(),
        nothing="It is too early to tell who came once.",
    )


def _columns() -> dict[str, object]:
    number = st.column_config.NumberColumn
    return {
        "cohort": st.column_config.DateColumn("First month", format="MMM YYYY"),
        "value": "Value",
        "installs": number("New installs", format="localized"),
        "judged": number("Judged", format="localized"),
        "one_time": number("Came once", format="localized"),
        "too_early": number("Too early to tell", format="localized"),
        "share": number("Share", format="percent"),
        "low": number("from", format="percent"),
        "high": number("to", format="percent"),
    }
