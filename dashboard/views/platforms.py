"""Platforms: what does the tool run on?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import ibis
import pandas as pd
import streamlit as st

from dashboard import charts, findings
from dashboard.analysis.history import History
from dashboard.analysis.platforms import identifiers, metric_spread, os_families, os_spread
from dashboard.views.block import block
from dashboard.views.frame import View
from dashboard.words import plain_markdown, system_name

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
            before=_before(view, os_families),
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
            before=_before(view, os_spread),
        )
    metrics, before = view.ask(metric_spread), _before(view, metric_spread)
    shown = [name for name in view.ask(identifiers)["identifier"] if name not in _SHOWN_ABOVE]
    for place, identifier in enumerate(shown):
        what = _BUILT_IN.get(identifier, identifier)
        with (left, right)[place % 2]:
            _bars(
                _of_metric(metrics, identifier),
                "value",
                what,
                f"metric_{identifier}",
                f"Installs by {plain_markdown(what)}, as of their last report in the period.",
                before=None if before is None else _of_metric(before, identifier),
            )


def _before(view: View, analysis: Callable[[History], ibis.Table]) -> pd.DataFrame | None:
    """The same of the period before; None where there is nothing to compare with."""
    if view.period.before is None:
        return None
    since, until = view.period.before
    frame = view.ask(analysis, replace(view.scope, since=since, until=until))
    if "os_version" in frame:
        frame = frame.assign(name=_full_names(frame))
    return frame


def _of_metric(metrics: pd.DataFrame, identifier: str) -> pd.DataFrame:
    return metrics[metrics["identifier"] == identifier].drop(columns="identifier")


def _bars(
    frame: pd.DataFrame,
    label: str,
    what: str,
    name: str,
    said: str,
    *,
    hidden: tuple[str, ...] = (),
    before: pd.DataFrame | None = None,
) -> None:
    rest = f" The {MOST} most frequent of {len(frame)}." if len(frame) > MOST else ""
    then = None
    if before is not None:
        rest += " Grey: the period before."
        then = dict(zip(before[label].astype(str), before["share"], strict=True))
    block(
        findings.top_share(frame, label, what),
        said + rest,
        charts.bars(frame.head(MOST), label, "installs", unit="installs", before=then),
        frame.drop(columns=list(hidden)),
        name,
        columns=_SHARE,
        nothing="No install was active in this period.",
    )


def _full_names(spread: pd.DataFrame) -> list[str]:
    return [system_name(*pair) for pair in zip(spread["os"], spread["os_version"], strict=True)]
