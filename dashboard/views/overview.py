"""Overview: how is the tool doing, and what costs it users?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts, findings
from dashboard.analysis.clean_visits import clean_visits
from dashboard.analysis.headline import ACTIVE_DAYS, headline
from dashboard.analysis.one_time import one_time_shares
from dashboard.analysis.recent import DAYS, new_errors, success_shifts, version_shifts
from dashboard.news import news
from dashboard.views.active import active_installs
from dashboard.views.errors import forest
from dashboard.views.frame import View
from dashboard.views.links import page_link
from dashboard.words import TOO_FEW, count, day, percent

_AS_BEFORE: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off"}
"""The look of a change that is none."""


@dataclass(frozen=True)
class _Period:
    """The headline numbers of one period."""

    numbers: pd.Series

    @classmethod
    def of(cls, view: View, since: date, until: date) -> _Period:
        scope = replace(view.scope, since=since, until=until)
        return cls(view.ask(headline, scope).iloc[0])

    def part(self, name: str, base: str) -> float | None:
        """A share of the numbers; None where there is no base."""
        return self.numbers[name] / self.numbers[base] if self.numbers[base] else None


def show(view: View) -> None:
    """Draw the page."""
    now = _Period.of(view, view.period.since, view.period.until)
    before = _Period.of(view, *view.period.before) if view.period.before else None
    came = findings.came_lately(view.table("new_installs"), view.period.until, ACTIVE_DAYS)
    with st.container(key="tiles"):
        runs, last = _tiles(view, now, before, came)
    left, right = st.columns(2)
    with left:
        active, earlier = now.numbers["active"], _number(before, "active")
        active_installs(view, findings.active(active, earlier, came, view.ended))
    costs = view.table("error_interval")  # takes longest, so everything else is there before
    with last:
        _lost_tile(view, costs)
    with right:
        forest(view, costs, most=5)
        _worst(view, costs)
    versions = view.ask(version_shifts)
    with runs:
        page_link("platforms", findings.most_used(versions) or "What they run")
    _news(view, versions)


def _news(view: View, versions: pd.DataFrame) -> None:
    """Say what changed this week."""
    found = news(versions, view.ask(success_shifts), view.ask(new_errors))
    with st.container(border=True):
        st.markdown("##### What changed this week")
        st.caption(f"In the {DAYS} days up to {day(view.scope.as_of)} (UTC).")
        if not found:
            st.markdown("No version, solution or error stands out.")
        for each in found:
            st.markdown(each.said)
            page_link(each.page, "Look into it", **({"error": each.error} if each.error else {}))


def _worst(view: View, costs: pd.DataFrame) -> None:
    """Lead to the error that cost most users, here and in Sentry."""
    worst = findings.costliest(costs)
    if worst is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        page_link("errors", "What became of those who met it", error=worst["fingerprint"])
        if view.sentry:
            st.link_button("Open it in Sentry", worst["sentry_url"], icon=":material/open_in_new:")


def _tiles(
    view: View, now: _Period, before: _Period | None, came: float | None
) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Draw the headline numbers.

    Args:
        came: new installs of the period's last `ACTIVE_DAYS` days, where it is so long.

    Returns the places of what comes later: the second one's link, and the fifth of them.
    """
    numbers = now.numbers
    horizon = view.scope.horizon
    first, second, third, fourth, fifth = (
        column.container(border=True, height="stretch", gap="xsmall") for column in st.columns(5)
    )
    with first:
        _count_tile(
            "New installs",
            numbers["new_installs"],
            _number(before, "new_installs"),
            "Installs whose first report ever came in this period.",
        )
        _trend(view.complete(view.table("new_installs"), "day")["installs"])
        # The number is of the whole period, which stands in the bar; who asks for a month finds it.
        said = "How they come"
        if came is not None and came != numbers["new_installs"] and view.ended is None:
            said = f"{count(came)} in the last {ACTIVE_DAYS} days"
        page_link("adoption", said)
    with second:
        _count_tile(
            f"Active in {ACTIVE_DAYS} days",
            numbers["active"],
            _number(before, "active"),
            f"Installs with a report in the last {ACTIVE_DAYS} days of the period.",
        )
        _trend(view.complete(view.table("active_installs"), "day")["active_30"])
        runs = st.container()
    with third:
        _share_tile(
            "Came once",
            now.part("one_time", "judged"),
            before.part("one_time", "judged") if before else None,
            numbers["judged"],
            f"New installs that never came back, of those that had {horizon} days to do so.",
            more_is="bad",
        )
        _trend(view.ask(one_time_shares)["share"])
        page_link("one-time", "Who they are")
    with fourth:
        _share_tile(
            "Error-free visits",
            now.part("clean_visits", "visits"),
            before.part("clean_visits", "visits") if before else None,
            numbers["visits"],
            "A visit is an install on a day on which it reported.",
        )
        _trend(view.complete(view.ask(clean_visits), "week")["share"])
        page_link("solutions", "What works")
    return runs, fifth


def _lost_tile(view: View, costs: pd.DataFrame) -> None:
    """Draw the users lost to errors, of the table `error_interval`.

    Without comparison: the last days of this period are too early to tell, those of the one
    before are not.
    """
    lost = findings.users_lost(costs)
    judged = min(view.period.until, view.scope.last_judged)
    st.metric(
        "Users lost to errors",
        findings.why_untold(costs["visits"].sum()) if lost is None else count(round(lost)),
        delta=f"met up to {day(judged)}" if lost is not None else None,
        delta_color="off",
        delta_arrow="off",
        help="Users who left after an error beyond those who would have left anyway, over the "
        "errors for which this is beyond doubt; who met two of these errors counts with each. "
        f"Errors of the last {view.scope.horizon} days are too early to tell.",
    )
    _trend(pd.Series(dtype=float))
    page_link("errors", "Which errors")


def _trend(values: pd.Series) -> None:
    """Draw how the number of a tile came about over the period, at its lower end."""
    st.space("stretch")
    st.html(charts.sparkline(values.tolist(), charts.ACCENT) or "<div style='height: 40px'></div>")


def _base(base: float) -> str | None:
    return f"of {count(base)}" + (", few" if base < TOO_FEW else "") if base else None


def _number(period: _Period | None, name: str) -> float | None:
    return float(period.numbers[name]) if period else None


def _count_tile(label: str, now: float, before: float | None, meaning: str) -> None:
    moved = findings.change(now, before)
    st.metric(
        label,
        count(now),
        None if moved is None else f"{'-' if moved < 0 else ''}{percent(abs(moved))}",
        **(_AS_BEFORE if moved == 0 else {}),
        delta_description=None if before is None else f"from {count(before)}",
        help=meaning,
    )


def _share_tile(
    label: str,
    now: float | None,
    before: float | None,
    base: float,
    meaning: str,
    *,
    more_is: Literal["good", "bad"] = "good",
) -> None:
    moved = None if now is None or before is None else f"{100 * (now - before):+.1f} pt"
    if moved in ("+0.0 pt", "-0.0 pt"):
        moved = "0.0 pt"
    colour = "normal" if more_is == "good" else "inverse"
    st.metric(
        label,
        "too early to tell" if now is None else percent(now),
        moved,
        **(_AS_BEFORE if moved == "0.0 pt" else {"delta_color": colour}),
        delta_description=_base(base),
        help=meaning,
    )
