"""What surrounds every page: fresh data, the filters, and a sentence where there is nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import ibis
import pandas as pd
import streamlit as st

from dashboard import tables
from dashboard.analysis import choices
from dashboard.analysis.apps import apps
from dashboard.analysis.history import History
from dashboard.analysis.scope import Scope, seen_from
from dashboard.sentry import SentryLinks
from dashboard.settings import Settings, environment
from dashboard.shapes import last_complete_week
from dashboard.sync import Progress, sync
from dashboard.versions import newest_first
from dashboard.views.filters import Period, choose_app, choose_period, choose_several
from dashboard.warehouse import Warehouse, WarehouseError
from dashboard.words import count, day, plain_markdown
from ingest.store import DatabaseUnavailable, SettingError, Store

STALE = timedelta(seconds=60)
"""How old the data may be before a page brings it up to date by itself."""

FRESH = timedelta(seconds=3)
"""How old it may be when the page is opened or reloaded."""

LOOK = 0.5
"""Seconds between looks at how far another's first sync has come."""


_DENSER = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 4.5rem; padding-bottom: 3rem; }
@media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding-inline: 1rem; } }
</style>"""
"""Streamlit leaves a hand's breadth of space above a page."""


@dataclass(frozen=True)
class View:
    """What a page shows: one app, within the filters."""

    warehouse: Warehouse
    version: tuple[int, int]
    """Of the warehouse; what was worked out from another is worked out again."""
    scope: Scope
    """From the first day of the period to the last day with reports, complete or not."""
    period: Period
    sentry: SentryLinks | None

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
            name, scope or self.scope, lambda history: tables.as_frame(analysis(history, *given))
        )

    def complete(self, frame: pd.DataFrame, column: str) -> pd.DataFrame:
        """The rows whose day or week is over; all of them where none is."""
        last = self.scope.as_of if column == "day" else last_complete_week(self.scope.as_of)
        over = frame[pd.to_datetime(frame[column]) <= pd.Timestamp(last)]
        return over if len(over) else frame

    def _kept(
        self, name: str, scope: Scope, work_out: Callable[[History], pd.DataFrame]
    ) -> pd.DataFrame:
        return _kept(self.version, scope, name, repr(self.sentry), self.warehouse, work_out)


@st.cache_data(show_spinner=False, max_entries=2_000, hash_funcs={Scope: repr})
def _kept(
    version: tuple[int, int],
    scope: Scope,
    name: str,
    sentry: str,
    _warehouse: Warehouse,
    _work_out: Callable[[History], pd.DataFrame],
) -> pd.DataFrame:
    with _warehouse.reading() as snapshot:
        return _work_out(History(scope, snapshot.table))


def open_view() -> View:
    """Bring the data up to date, draw the filters, and return what they choose.

    Where there is nothing to show, says why instead and ends the page.
    """
    st.html(_DENSER)
    try:
        settings = Settings.read(environment())
        warehouse = Warehouse(settings.warehouse)
        _bring_up_to_date(settings, warehouse)
        version = warehouse.version()
        if version is None:
            st.stop()
        return _filtered(settings, warehouse, version)
    except (SettingError, WarehouseError, DatabaseUnavailable) as error:
        st.error(plain_markdown(str(error)), icon=":material/error:")
        st.stop()
        raise AssertionError("st.stop() ends the page") from error


def _bring_up_to_date(settings: Settings, warehouse: Warehouse) -> None:
    """Sync when the page is opened, when asked to, and when the data is old."""
    opened = "opened" not in st.session_state
    st.session_state["opened"] = True
    asked = st.session_state.pop("asked", False)
    synced = warehouse.synced() if warehouse.version() else None
    age = datetime.now(UTC) - synced if synced else None
    if age is not None and not asked and age < (FRESH if opened else STALE):
        return
    meter = st.empty()

    def show(progress: Progress) -> None:
        fraction = progress.done / progress.total if progress.total else 1.0
        said = f"Reading {count(progress.done)} of about {count(progress.total)} reports"
        meter.progress(fraction, said)

    try:
        while True:
            try:
                done = sync(Store.connect(settings.database), warehouse, progress=show, wait=False)
            except BlockingIOError:
                state = warehouse.state()
                if warehouse.version():
                    break  # what another page or the command line reads shows on the next look
                show(Progress(state.done, state.total))
                time.sleep(LOOK)
            else:
                if done.rebuilt:
                    st.info(f"The data was read anew: {plain_markdown(done.rebuilt)}")
                return
        if synced is None:
            said = f"{count(state.done)} of about {count(state.total)} reports are read so far."
            st.info(f"{said} The numbers grow until all are.", icon=":material/hourglass_top:")
    except DatabaseUnavailable as error:
        if synced is None:
            raise
        said = f"{error}. These are the numbers of {synced:%-d %b %Y %H:%M} UTC."
        st.warning(plain_markdown(said), icon=":material/cloud_off:")
    finally:
        meter.empty()


def _filtered(settings: Settings, warehouse: Warehouse, version: tuple[int, int]) -> View:
    found = _apps(version, warehouse)
    if found.empty:
        _explain_first_steps()
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        app = choose_app(list(found["app"]))
        row = found[found["app"] == app].iloc[0]
        as_of, last_day = seen_from(datetime.now(UTC).date(), row["last_day"].date())
        period = choose_period(row["first_day"].date(), as_of, last_day)
        view = View(warehouse, version, Scope(app, as_of, last_day), period, settings.sentry)
        versions = newest_first(view.ask(choices.versions)["version"])
        systems = sorted(view.ask(choices.systems)["os"])
        scope = replace(
            view.scope,
            since=period.since,
            until=last_day,
            versions=choose_several("Version", "version", versions),
            systems=choose_several("OS", "os", systems),
        )
        st.space("stretch")
        _say_how_fresh(as_of, warehouse)
    return replace(view, scope=scope)


@st.cache_data(show_spinner=False, max_entries=10)
def _apps(version: tuple[int, int], _warehouse: Warehouse) -> pd.DataFrame:
    with _warehouse.reading() as snapshot:
        found: pd.DataFrame = apps(snapshot.table).to_pandas()
        return found


def _say_how_fresh(as_of: date, warehouse: Warehouse) -> None:
    synced = warehouse.synced()
    when = f" · read {synced:%H:%M:%S} UTC" if synced else ""
    st.caption(
        f"as of {day(as_of)}{when}",
        help="The last complete day (UTC) that the numbers count. Today's reports are drawn "
        "paler and count for nothing that needs a whole day.",
        width="content",
    )
    if st.button("", icon=":material/refresh:", help="Read new reports now", type="tertiary"):
        st.session_state["asked"] = True
        st.rerun()


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
