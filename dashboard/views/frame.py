"""What surrounds every page: fresh data, the filters, and a sentence where there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import ibis
import pandas as pd
import streamlit as st

from dashboard import tables
from dashboard.analysis import choices
from dashboard.analysis.apps import apps
from dashboard.analysis.engines import as_frame, frame_of
from dashboard.analysis.history import History
from dashboard.analysis.scope import Scope, seen_from
from dashboard.sentry import SentryLinks
from dashboard.settings import Settings, environment
from dashboard.shapes import last_complete_week
from dashboard.versions import newest_first
from dashboard.views.filters import (
    Period,
    choose_app,
    choose_more,
    choose_period,
    choose_several,
)
from dashboard.views.freshness import bring_up_to_date, say_how_fresh
from dashboard.views.reading import Reading
from dashboard.warehouse import Warehouse, WarehouseError
from dashboard.words import plain_sentence
from ingest.store import DatabaseUnavailable, SettingError

_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 4.25rem 2.5rem 3rem; }
.st-key-filters { flex-wrap: wrap; }
.st-key-filters [role="group"]:not(:has([data-tag-index="1"])) > [aria-label="Clear all"] {
  display: none;
}
.st-key-tiles [data-testid="stPageLink"] p { font-size: 0.875rem; line-height: 1.3; }
.st-key-tiles :is([data-testid="stPageLink"], [data-testid="stMetricValue"]) * {
  white-space: normal;
}
@media (max-width: 640px) {
  .st-key-tiles [data-testid="stHorizontalBlock"] { flex-flow: row wrap; }
  .st-key-tiles [data-testid="stColumn"] { flex: 1 1 calc(50% - 1rem); min-width: 0; }
  [data-testid="stMainBlockContainer"] { padding-inline: 0.75rem; }
  .st-key-filters { flex-wrap: nowrap; overflow-x: auto; padding-bottom: 0.5rem; }
  .st-key-filters > * { flex-shrink: 0; }
}
</style>"""
"""Streamlit leaves a hand's breadth around a page. On a phone the filters are a row to push. Where
one value is chosen, its own cross will do, and leaves it the room to be read."""


@dataclass(frozen=True)
class View:
    """What a page shows: one app, within the filters."""

    reading: Reading
    version: tuple[int, int]
    """Of the warehouse; what was worked out from another is worked out again."""
    scope: Scope
    """From the first day of the period to the last day with reports, complete or not."""
    period: Period
    sentry: SentryLinks | None

    @property
    def ended(self) -> date | None:
        """The last day of the period, where it is not the last complete one."""
        return None if self.period.until >= self.scope.as_of else self.period.until

    def table(self, name: str) -> pd.DataFrame:
        """One of the exported tables, with its columns as exported."""
        table = tables.table(name)
        return self._kept(name, self.scope, lambda history: table.frame(history, self.sentry))

    def ask(
        self,
        analysis: Callable[..., ibis.Table | pd.DataFrame],
        scope: Scope | None = None,
        about: str | None = None,
    ) -> pd.DataFrame:
        """An analysis that is not exported, by default of the scope shown.

        Args:
            about: what else it takes besides the history: a fingerprint, an install.
        """
        name = f"{analysis.__module__}.{analysis.__qualname__}({about or ''})"
        given = () if about is None else (about,)
        return self._kept(
            name, scope or self.scope, lambda history: frame_of(analysis, history, *given)
        )

    def complete(self, frame: pd.DataFrame, column: str) -> pd.DataFrame:
        """The rows whose day or week is over; all of them where none is."""
        last = self.scope.as_of if column == "day" else last_complete_week(self.scope.as_of)
        over = frame[pd.to_datetime(frame[column]) <= pd.Timestamp(last)]
        return over if len(over) else frame

    def _kept(
        self, name: str, scope: Scope, work_out: Callable[[History], pd.DataFrame]
    ) -> pd.DataFrame:
        return _kept(self.version, scope, name, repr(self.sentry), self.reading, work_out)


@st.cache_data(show_spinner=False, max_entries=2_000, hash_funcs={Scope: repr})
def _kept(
    version: tuple[int, int],
    scope: Scope,
    name: str,
    sentry: str,
    _reading: Reading,
    _work_out: Callable[[History], pd.DataFrame],
) -> pd.DataFrame:
    return _work_out(_reading.history(scope))


@contextmanager
def open_view() -> Iterator[View]:
    """Bring the data up to date, draw the filters, and give what they choose to the page.

    Where there is nothing to show, says why instead and ends the page.
    """
    st.html(_STYLE)
    try:
        settings = Settings.read(environment())
        warehouse = Warehouse(settings.warehouse)
        bring_up_to_date(settings, warehouse)
        version = warehouse.version()
        if version is None:
            st.stop()
        with ExitStack() as until:
            yield _filtered(settings, Reading(warehouse, until), version)
    except (SettingError, WarehouseError, DatabaseUnavailable) as error:
        st.error(plain_sentence(str(error)), icon=":material/error:")
        st.stop()


def _filtered(settings: Settings, reading: Reading, version: tuple[int, int]) -> View:
    warehouse = reading.warehouse
    found = _apps(version, str(warehouse.path.absolute()), reading)
    if found.empty:
        _explain_first_steps()
        say_how_fresh(settings, warehouse, version, None)
        st.stop()
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.container(
            horizontal=True, vertical_alignment="center", width="content", key="filters"
        ):
            view = _chosen(settings, reading, version, found)
        st.space("stretch")
        with st.container(width="content", key="freshness"):
            say_how_fresh(settings, warehouse, version, view.scope.as_of)
    return view


def _chosen(
    settings: Settings, reading: Reading, version: tuple[int, int], found: pd.DataFrame
) -> View:
    app = choose_app(list(found["app"]))
    row = found[found["app"] == app].iloc[0]
    last_report = row["last_day"].date()
    as_of, last_day = seen_from(datetime.now(UTC).date(), last_report)
    period = choose_period(row["first_day"].date(), as_of, last_day)
    scope = Scope(app, as_of, last_day, last_report=last_report)
    view = View(reading, version, scope, period, settings.sentry)
    versions = newest_first(view.ask(choices.versions)["version"])
    systems = list(view.ask(choices.systems)["os"])
    solutions = list(view.ask(choices.solutions)["solution"])
    scope = replace(
        view.scope,
        since=period.since,
        until=last_day if period.until == as_of else period.until,
        versions=choose_several("Version", "version", versions),
        systems=choose_several("OS", "os", systems),
        solutions=choose_several("Solution", "solution", solutions),
    )
    ci, metrics = choose_more(view.ask(choices.metric_choices))
    return replace(view, scope=replace(scope, ci=ci, metrics=metrics))


@st.cache_data(show_spinner=False, max_entries=10)
def _apps(version: tuple[int, int], path: str, _reading: Reading) -> pd.DataFrame:
    return as_frame(apps(_reading.table))


def _explain_first_steps() -> None:
    st.subheader("No report has come yet")
    st.markdown(
        """
Three steps to the first one; this page fills when it comes.

1. **Try the example tool**, which reports to this machine:
   `.venv/bin/python collector/examples/logtally.py top fail2ban collector/examples/fail2ban.log`
2. **Or fill the database with a simulated project:**
   `.venv/bin/python -m demo --installs 4000 --days 730 --seed 1`
3. **Embed the collector in your own tool**, as the README shows in ten lines.
"""
    )
    if st.button("Look again", icon=":material/refresh:"):
        st.session_state["asked"] = True
        st.rerun()
