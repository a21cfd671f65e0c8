"""Platforms: what does the tool run on?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import charts, findings
from dashboard.analysis.platforms import identifiers, metric_spread, os_families
from dashboard.views.block import block
from dashboard.views.frame import View
from dashboard.words import plain_markdown

_BUILT_IN = {
    "py_version": "Python version",
    "timezone": "time zone",
    "package_version": "package version",
}
_SHOWN_ABOVE = {"os", "os_version"}
MOST = 12
"""Bars in one chart; the table has them all."""

_SHARE = {
    "installs": st.column_config.NumberColumn("Installs", format="localized"),
    "share": st.column_config.ProgressColumn("Share", format="percent", min_value=0, max_value=1),
}


def show(view: View) -> None:
    """Draw the page: OS families, their versions, and every metric, in two columns."""
    left, right = st.columns(2)
    with left:
        _bars(
            view.ask(os_families),
            "os",
            "operating system",
            "os_families",
            "Installs with a visit in the period, by the OS of their last report in it.",
        )
    with right:
        spread = view.table("os_spread")
        _bars(
            spread.assign(name=_full_names(spread)),
            "name",
            "version of an operating system",
            "os_spread",
            "The same installs by version of the OS.",
            hidden=("name",),
        )
    metrics = view.ask(metric_spread)
    for place, identifier in enumerate(view.ask(identifiers)["identifier"]):
        if identifier not in _SHOWN_ABOVE:
            frame = metrics[metrics["identifier"] == identifier].drop(columns="identifier")
            what = _BUILT_IN.get(identifier, identifier)
            said = f"Installs by {plain_markdown(what)}, as of their last report in the period."
            with (left, right)[place % 2]:
                _bars(frame, "value", what, f"metric_{identifier}", said)


def _bars(
    frame: pd.DataFrame,
    label: str,
    what: str,
    name: str,
    said: str,
    *,
    hidden: tuple[str, ...] = (),
) -> None:
    rest = f" The {MOST} most frequent of {len(frame)}." if len(frame) > MOST else ""
    block(
        findings.top_share(frame, label, what),
        said + rest,
        charts.bars(frame.head(MOST), label, "installs", unit="installs"),
        frame.drop(columns=list(hidden)),
        name,
        columns=_SHARE,
        nothing="No install was active in this period.",
    )


def _full_names(spread: pd.DataFrame) -> list[str]:
    """OS and version, the OS only where the version does not name it itself."""
    return [
        version if family == "Linux" and version != "unknown" else f"{family} {version}"
        for family, version in zip(spread["os"], spread["os_version"], strict=True)
    ]
