"""The bar of filters over every page; what is chosen stands in the page's address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import streamlit as st

PERIODS = {"30 days": 30, "90 days": 90, "12 months": 365, "all time": None}


@dataclass(frozen=True)
class Period:
    """Days chosen; the period before it is as long."""

    since: date
    until: date
    before: tuple[date, date] | None
    """None where it would begin before the first report."""


def choose_app(names: Sequence[str]) -> str:
    """Let the viewer choose between several apps; the first one is the default."""
    if len(names) == 1:
        return names[0]
    chosen: str = st.selectbox("App", names, key="app", bind="query-params", width=190)
    return chosen


def choose_period(first: date, as_of: date, last_day: date) -> Period:
    """Let the viewer choose the days shown, up to the last complete one.

    Where there is none yet, because the first report came today, today is all there is.
    """
    chosen = st.selectbox(
        "Last",
        list(PERIODS),
        index=1,
        key="period",
        bind="query-params",
        width=150,
    )
    days = PERIODS[chosen]
    if first > as_of:
        return Period(first, last_day, None)
    if days is None:
        return Period(first, as_of, None)
    since = as_of - timedelta(days=days - 1)
    before = since - timedelta(days=days), since - timedelta(days=1)
    return Period(since, as_of, before if before[0] >= first else None)


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
