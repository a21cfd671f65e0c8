"""One error: what it cost, what became of those who met it, when and on what they met it."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts, findings, findings_of_errors
from dashboard.analysis.fates import error_fates
from dashboard.analysis.one_error import (
    affected_installs,
    met_by_week,
    met_on_versions,
)
from dashboard.analysis.survival import WITH, WITHOUT, log_rank, matched_sample, survival
from dashboard.analysis.won_back import won_back, won_back_versions
from dashboard.shapes import last_complete_week
from dashboard.views.address import look_away
from dashboard.views.block import block
from dashboard.views.frame import View
from dashboard.views.links import open_page
from dashboard.views.sentry_issue import issue_line
from dashboard.words import count, plain_markdown

_NUMBER = st.column_config.NumberColumn
_DAY = st.column_config.DateColumn
_COLUMNS = {
    "fingerprint": None,
    "type": None,
    "where": None,
    "week": _DAY("Week from", format="D MMM YYYY"),
    "group": "Users",
    "day": _NUMBER("Day"),
    "at_risk": _NUMBER("Still followed", format="localized"),
    "survival": _NUMBER("Still there", format="percent"),
    "low": _NUMBER("from", format="percent"),
    "high": _NUMBER("to", format="percent"),
    "installs": _NUMBER("Installs", format="localized"),
    "reports": _NUMBER("Reports", format="localized"),
    "stayed": _NUMBER("Stayed", format="localized"),
    "upgraded": _NUMBER("Upgraded, stayed", format="localized"),
    "left": _NUMBER("Left", format="localized"),
    "too_early": _NUMBER("Too early to tell", format="localized"),
    "version": "Version",
    "active": _NUMBER("Active on it", format="localized"),
    "share": _NUMBER("Share", format="percent", help="Of those active on it, who met the error."),
    "first_met": _DAY("First met", format="D MMM YYYY"),
    "last_met": _DAY("Last met", format="D MMM YYYY"),
    "install": "Install",
    "times": _NUMBER("Times"),
    "last_seen": _DAY("Last seen", format="D MMM YYYY"),
    "silent_days": _NUMBER("Silent", format="%d days"),
    "visits": _NUMBER("Visits"),
    "os": "OS",
    "sentry_event": None,
    "sentry_url": st.column_config.LinkColumn("Sentry", display_text="open ↗"),
}


def show(view: View, fingerprint: str, impact: pd.DataFrame) -> None:
    """Draw everything about it.

    Args:
        impact: the table `error_interval`.
    """
    st.button(
        "All errors",
        icon=":material/arrow_back:",
        on_click=look_away,
        args=("error",),
        type="tertiary",
    )
    found = impact[impact["fingerprint"] == fingerprint]
    if found.empty:
        st.info(
            "Nobody met this error in the period and with the filters above. "
            "A longer period may have it.",
            icon=":material/hourglass_empty:",
        )
        return
    row = found.iloc[0]
    st.markdown(f"## {plain_markdown(findings.error_name(row['type'], row['where']))}")
    sentry_line(view, fingerprint)
    _tiles(row)
    left, right = st.columns([3, 2])
    with left:
        _survival(view, fingerprint)
    with right:
        _fates(view, fingerprint)
        _won_back(view, fingerprint)
    left, right = st.columns(2)
    with left:
        _by_week(view, fingerprint)
    with right:
        _versions(view, fingerprint)
    _affected(view, fingerprint, int(row["installs"]))


def sentry_line(view: View, fingerprint: str) -> None:
    """Say where the error's issue is in Sentry, and what is known of it there."""
    if view.sentry:
        st.markdown(
            f"[Its issue in Sentry ↗]({view.sentry.of_fingerprint(fingerprint)}) · "
            f"fingerprint `{fingerprint}`"
        )
    else:
        st.markdown(f"Fingerprint `{fingerprint}`")
    issue_line(view.sentry, fingerprint)


def _tiles(row: pd.Series) -> None:
    hit, lost, compared, unmatched = st.columns(4)
    _tile(hit, "Installs that met it", count(row["installs"]), "In the period.")
    _tile(
        lost,
        "Users lost",
        findings_of_errors.lost(row),
        "Who left after it beyond those who would have left anyway, and the 95 % interval.",
        findings_of_errors.lost_between(row),
    )
    _tile(
        compared,
        "Visits compared",
        count(row["visits"] - row["unmatched"]),
        "Visits with the error, not too early to tell, for which like ones without it were found: "
        "same number of visits, gap, version, OS and month as far as ten of these exist.",
        findings_of_errors.enough(row),
    )
    _tile(
        unmatched,
        "Visits unmatched",
        count(row["unmatched"]),
        "Visits with the error, not too early to tell, for which no ten like ones were found. "
        "They are shown here and judged nowhere.",
    )


def _tile(
    where: DeltaGenerator, label: str, value: str, meaning: str, note: str | None = None
) -> None:
    where.metric(
        label,
        value,
        note,
        delta_color="off",
        delta_arrow="off",
        help=meaning,
        border=True,
        height="stretch",
    )


def _survival(view: View, fingerprint: str) -> None:
    sample = view.ask(matched_sample, about=fingerprint)
    curves, test = survival(sample), log_rank(sample)
    both = set(curves["group"]) == {WITH, WITHOUT}
    block(
        findings_of_errors.survival(curves, test),
        "Share of users still there, by days since a visit with it, beside like users at a "
        "visit without any (Kaplan–Meier; band: 95 % interval; below: users still followed), "
        "as far as both can be followed. " + findings_of_errors.log_rank(test),
        charts.survival_curves(curves, WITH) if both else None,
        curves if both else curves.iloc[:0],
        "survival",
        columns=_COLUMNS,
        nothing=findings_of_errors.no_survival(test, view.scope.horizon),
    )


def _fates(view: View, fingerprint: str) -> None:
    fates = view.ask(error_fates, about=fingerprint)
    figure = None
    if len(fates):
        row = fates.iloc[0]
        figure = charts.parts_of_a_whole(
            [
                charts.Part("stayed on its version", int(row["stayed"]), charts.PALETTE[0]),
                charts.Part("upgraded and stayed", int(row["upgraded"]), charts.PALETTE[2]),
                charts.Part("left", int(row["left"]), charts.LOSS),
                charts.Part("too early to tell", int(row["too_early"]), charts.GREY),
            ],
            unit="installs",
        )
    block(
        findings_of_errors.fates(fates),
        "Installs by what followed their last visit with the error in the period; left is who "
        f"then stayed away for {view.scope.horizon} days.",
        figure,
        fates,
        "fates",
        columns=_COLUMNS,
    )


def _won_back(view: View, fingerprint: str) -> None:
    won = view.ask(won_back, about=fingerprint)
    versions = view.ask(won_back_versions, about=fingerprint)
    block(
        findings_of_errors.won_back(won, versions),
        "Installs that came back later than that, by the version they came back with.",
        None,
        versions,
        "won_back_with",
        columns=_COLUMNS,
        nothing="Nobody came back so far.",
    )


def _by_week(view: View, fingerprint: str) -> None:
    weekly = view.ask(met_by_week, about=fingerprint)
    last = last_complete_week(view.scope.as_of)
    block(
        findings_of_errors.by_week(weekly, last),
        "Installs that met it in each week (from Monday, UTC). Paler: the week is not over.",
        charts.bars_over_time(weekly, "week", "installs", unit="installs", complete_until=last),
        weekly,
        "met_by_week",
        columns=_COLUMNS,
    )


def _versions(view: View, fingerprint: str) -> None:
    versions = view.ask(met_on_versions, about=fingerprint)
    block(
        findings_of_errors.versions(versions, view.scope.as_of),
        "Versions on which it was met in the period, the last one met first; installs with a visit "
        "on the version at which they met it, of those with any visit on it.",
        None,
        versions,
        "met_on_versions",
        columns=_COLUMNS,
    )


def _affected(view: View, fingerprint: str, installs: int) -> None:
    affected = view.ask(affected_installs, about=fingerprint)
    links = [
        view.sentry.of_event(event) if view.sentry and isinstance(event, str) else None
        for event in affected["sentry_event"]
    ]
    affected = affected.assign(sentry_url=links).drop(columns="sentry_event")
    block(
        findings_of_errors.affected(affected, installs, view.scope.horizon),
        "Installs that met it in the period, the latest first; choose a row for the install's "
        "timeline. Silent: days from its last visit to the as-of day.",
        None,
        affected,
        "affected_installs",
        columns=_COLUMNS if view.sentry else {**_COLUMNS, "sentry_url": None},
        on_row=lambda row: open_page("installs", install=str(affected.iloc[row]["install"])),
    )
