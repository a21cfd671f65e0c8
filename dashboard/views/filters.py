"""The bar of filters over every page; what is chosen stands in the page's address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st

from dashboard.words import count

PERIODS = {"30d": 30, "90d": 90, "12m": 365, "all": None}
_PERIOD_NAMES = {
    "30d": "Last 30 days",
    "90d": "Last 90 days",
    "12m": "Last 12 months",
    "all": "All time",
}


@dataclass(frozen=True)
class Period:
    """Days chosen; the period before it is as long."""

    since: date
    until: date
    before: tuple[date, date] | None
    """None where the period reaches back to the first report."""


def choose_app(installs: dict[str, int]) -> str:
    """Let the viewer choose between the apps, given their installs; most installs first."""
    names = list(installs)
    if len(names) == 1:
        return names[0]
    chosen: str = st.selectbox(
        "App",
        names,
        format_func=lambda name: f"{name} ({count(installs[name])})",
        key="app",
        bind="query-params",
        width=190,
    )
    return chosen


def choose_period(first: date, as_of: date) -> Period:
    """Let the viewer choose the days shown, up to the last complete one."""
    chosen = st.selectbox(
        "Period",
        list(PERIODS),
        index=1,
        format_func=_PERIOD_NAMES.__getitem__,
        key="period",
        bind="query-params",
        width=170,
    )
    days = PERIODS[chosen]
    if days is None:
        return Period(first, as_of, None)
    since = as_of - timedelta(days=days - 1)
    before = since - timedelta(days=days), since - timedelta(days=1)
    return Period(since, as_of, before if before[1] >= first else None)


def choose_several(label: str, key: str, options: Sequence[str]) -> tuple[str, ...]:
    """Let the viewer choose some of the options; none chosen means all."""
    chosen = st.multiselect(
        label,
        options,
        key=key,
        bind="query-params",
        placeholder="All",
        width=210,
    )
    return tuple(chosen)
