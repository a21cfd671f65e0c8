"""The bar of filters over every page; what is chosen stands in the page's address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd
import streamlit as st

OWN = "own days"
PERIODS = {"last 30 days": 30, "last 90 days": 90, "last 12 months": 365, "all time": None}

SHOWN_ELSEWHERE = {"os", "os_version", "package_version"}
"""Metrics that have a filter of their own, or say the same more finely."""

MOST = 200
"""Values of a metric to choose from, the most frequent first."""

_BUILT_IN = {"py_version": "Python", "timezone": "Time zone"}


@dataclass(frozen=True)
class Period:
    """Days chosen; the period before it is as long."""

    since: date
    until: date
    before: tuple[date, date] | None
    """None where it is not asked for, or would begin before the first report."""


def choose_app(names: Sequence[str]) -> str:
    """Let the viewer choose between several apps; the first one is the default."""
    if len(names) == 1:
        return names[0]
    chosen: str = st.selectbox(
        "App", names, key="app", bind="query-params", label_visibility="collapsed", width=140
    )
    return chosen


def choose_period(first: date, as_of: date, last_day: date) -> Period:
    """Let the viewer choose the days shown, up to the last complete one.

    Where there is none yet, because the first report came today, today is all there is.
    """
    chosen = st.selectbox(
        "Period",
        [*PERIODS, OWN],
        index=1,
        key="period",
        bind="query-params",
        label_visibility="collapsed",
        width=150,
    )
    own = _own_days(first, as_of) if chosen == OWN and first <= as_of else None
    compare = st.toggle(
        "vs. before",
        value=True,
        key="compare",
        bind="query-params",
        help="Compare with the period before, of equal length.",
    )
    if first > as_of:
        return Period(first, last_day, None)
    if own:
        since, until = own
    else:
        days = PERIODS.get(chosen)
        since, until = (first if days is None else as_of - timedelta(days=days - 1)), as_of
    before = since - (until - since) - timedelta(days=1), since - timedelta(days=1)
    return Period(since, until, before if compare and before[0] >= first else None)


def _own_days(first: date, as_of: date) -> tuple[date, date] | None:
    """The days chosen in a calendar; None until there are two."""
    chosen = st.date_input(
        "Days shown",
        (max(first, as_of - timedelta(days=27)), as_of),
        min_value=first,
        max_value=as_of,
        key="days",
        bind="query-params",
        label_visibility="collapsed",
        width=215,
    )
    return (chosen[0], chosen[1]) if isinstance(chosen, tuple) and len(chosen) == 2 else None


def choose_several(
    label: str, key: str, options: Sequence[str], *, width: int | None = 140
) -> tuple[str, ...]:
    """Let the viewer choose some of the options; none chosen means all.

    Args:
        width: in pixels, in the bar, where the name stands in the field; None: over the field.
    """
    chosen = st.multiselect(
        label,
        options,
        key=key,
        bind="query-params",
        placeholder=label if width else "All",
        label_visibility="collapsed" if width else "visible",
        width=width or "stretch",
    )
    return tuple(chosen)


def choose_more(metrics: pd.DataFrame) -> tuple[bool, tuple[tuple[str, tuple[str, ...]], ...]]:
    """Let the viewer choose what is wanted seldom: whether CI counts, and values of metrics.

    Args:
        metrics: identifier and value of every metric, the most frequent first.
    """
    own = [name for name in metrics["identifier"].unique() if name not in SHOWN_ELSEWHERE]
    chosen = sum(bool(st.session_state.get(key)) for key in ("ci", *map(_key, own)))
    with st.popover(f"More · {chosen}" if chosen else "More", key="more"):
        ci = st.toggle(
            "Runs by CI services",
            key="ci",
            bind="query-params",
            help="They are left out unless asked for: a machine is no user.",
        )
        values = {
            name: choose_several(
                _BUILT_IN.get(name, name),
                _key(name),
                list(metrics["value"][metrics["identifier"] == name].head(MOST)),
                width=None,
            )
            for name in own
        }
    return ci, tuple((name, told) for name, told in values.items() if told)


def _key(identifier: str) -> str:
    return f"metric_{identifier}"
