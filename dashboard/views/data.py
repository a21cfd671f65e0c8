"""Data: how fresh and how whole is it, what does it hold, and how do you get it out?"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from dashboard import charts, dictionary, findings_of_data
from dashboard.analysis.arrivals import arrivals, last_received, shards
from dashboard.analysis.history import History
from dashboard.analysis.scope import Scope
from dashboard.analysis.told_metrics import told_metrics
from dashboard.export import one_file, zipped
from dashboard.shapes import last_complete_week
from dashboard.tables import table_names
from dashboard.views.block import block
from dashboard.views.frame import View
from dashboard.words import count

_NUMBER = st.column_config.NumberColumn
_DAY = st.column_config.DateColumn
_COLUMNS = {
    "day": _DAY("Received", format="D MMM YYYY"),
    "week": _DAY("Week from", format="D MMM YYYY"),
    "installs": _NUMBER("Installs", format="localized"),
    "reports": _NUMBER("Reports", format="localized"),
    "errors": _NUMBER("Crashes", format="localized"),
    "dropped": _NUMBER("Dropped", format="localized"),
    "late": _NUMBER("Late", format="localized", help="More than a day after they happened."),
    "ci": _NUMBER("CI", format="localized"),
    "dropped_share": _NUMBER("Dropped, share", format="percent"),
    "late_share": _NUMBER("Late, share", format="percent"),
    "ci_share": _NUMBER("CI, share", format="percent"),
    "shard": _NUMBER("Database", help="Its place in FIREBASE_DATABASE_URL, from 0."),
    "days": _NUMBER("Days", format="localized"),
    "last_day": _DAY("Last day", format="D MMM YYYY"),
    "read_until": st.column_config.DatetimeColumn(
        "Read until (UTC)", format="D MMM YYYY, HH:mm:ss"
    ),
    "field": "Field",
    "type": "Type",
    "meaning": st.column_config.TextColumn("Meaning", width="large"),
    "metric": "Metric",
    "looks_like": "Looks like",
    "values": _NUMBER("Different values", format="localized"),
    "example": "Most frequent",
    "example_installs": _NUMBER("Installs with it", format="localized"),
}


def show(view: View) -> None:
    """Draw the page."""
    _freshness(view)
    left, right = st.columns(2)
    with left:
        _arrivals(view)
    with right:
        _losses(view)
    _shards(view)
    left, right = st.columns(2)
    with left:
        _fields()
    with right:
        _metrics(view)
    _export(view)


def _freshness(view: View) -> None:
    row = view.ask(last_received).iloc[0]
    synced = view.reading.warehouse.synced()
    last, sync, reports = st.columns(3)
    look = "%-d %b %Y, %H:%M"
    last.metric(
        "Last report received (UTC)",
        "none" if pd.isna(row["received"]) else f"{row['received']:{look}}",
        border=True,
    )
    sync.metric(
        "Last read from the database (UTC)",
        f"{synced:{look}}" if synced else "not to its end yet",
        border=True,
        help="When the database was last read to its end.",
    )
    reports.metric(
        "Reports of this app",
        count(row["reports"]),
        border=True,
        help="Of all days, those of CI services among them.",
    )


def _arrivals(view: View) -> None:
    arrived = view.ask(arrivals)
    block(
        findings_of_data.arrivals(arrived),
        "Reports by the day (UTC) on which they were received, those of CI services among them, "
        "whatever the filters. Paler: the day is not over.",
        charts.bars_over_time(
            arrived, "day", "reports", unit="reports", complete_until=view.scope.as_of
        ),
        arrived,
        "arrivals",
        columns=_COLUMNS,
        nothing="No report arrived in this period.",
    )


def _losses(view: View) -> None:
    losses = view.table("loss_account")
    block(
        findings_of_data.losses(losses),
        "Reports a week (from Monday, UTC): dropped on the user's machine, as the tool tells with "
        "a later one; received more than a day after they happened, as imported history is; from "
        "CI services. How many users said no can't be known: who does sends nothing at all.",
        charts.lines(
            losses,
            "week",
            {"late": "late", "dropped": "dropped", "ci": "CI"},
            unit="reports",
            complete_until=last_complete_week(view.scope.as_of),
        ),
        losses,
        "loss_account",
        columns=_COLUMNS,
    )


def _shards(view: View) -> None:
    read = view.ask(shards)
    block(
        findings_of_data.shards(read),
        "How far each database is read, for all apps. Reports are read once, in the order in "
        "which they were received (UTC).",
        None,
        read,
        "shards",
        columns=_COLUMNS,
        nothing="Nothing was read yet.",
    )


def _fields() -> None:
    block(
        "What a report says",
        "Every field there is. Never in a report: host or user name, paths, arguments, "
        "environment, addresses, exception messages, local variables.",
        None,
        dictionary.fields(),
        "fields",
        columns=_COLUMNS,
    )


def _metrics(view: View) -> None:
    metrics = view.ask(told_metrics)
    block(
        findings_of_data.metrics(metrics),
        "Every metric in the last reports of the installs of this period, what all its values look "
        "like, and the most frequent one. The platforms page draws them.",
        None,
        metrics,
        "metrics",
        columns=_COLUMNS,
        nothing="No metric was told in this period.",
    )


def _export(view: View) -> None:
    with st.container(border=True):
        st.markdown("##### Take it with you")
        st.caption(
            "Every table of this app as CSV, the same files that `python -m dashboard export` "
            "writes. They are made when you ask for them, which takes a moment."
        )
        whole, filtered = "All days, no filter", "As filtered above"
        chosen = st.segmented_control(
            "Which days", [whole, filtered], default=whole, required=True, key="export-scope"
        )
        least = st.number_input(
            "Leave cells blank that count fewer installs than",
            min_value=1,
            max_value=1000,
            value=1,
            key="export-least",
            help="To publish what is exported: 5 is usual. Lists of installs are then empty.",
            width=320,
        )
        base = view.scope
        everything = Scope(base.app, base.as_of, base.last_day, last_report=base.last_report)
        scope = base if chosen == filtered else everything
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.download_button(
                "Everything as one zip",
                _made(view, scope, lambda it: zipped(it, view.sentry, int(least))),
                f"wald-{base.app}-{base.as_of}.zip",
                "application/zip",
                icon=":material/folder_zip:",
                on_click="ignore",
                key="export-zip",
            )
            name = st.selectbox(
                "Or one file", list(view.ask(table_names)["name"]), key="export-name", width=300
            )
            st.download_button(
                "This one",
                _made(
                    view, scope, lambda history: one_file(history, name, view.sentry, int(least))
                ),
                f"{name}.csv",
                "text/csv",
                icon=":material/download:",
                on_click="ignore",
                key="export-one",
            )


def _made(view: View, scope: Scope, make: Callable[[History], bytes]) -> Callable[[], bytes]:
    """What makes a file when it is asked for."""

    def ask() -> bytes:
        with view.reading.warehouse.reading() as snapshot:
            return make(History(scope, snapshot.table))

    return ask
