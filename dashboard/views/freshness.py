"""How fresh the data is: kept so in silence, and said beside the filters."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.refresh import Refresh
from dashboard.settings import Settings
from dashboard.sync import Progress, Synced
from dashboard.warehouse import Warehouse
from dashboard.words import ago, count, day, plain_sentence
from ingest.store import DatabaseUnavailable

FRESH = timedelta(seconds=3)
"""How old it may be when the page is opened or reloaded."""

TICK = 5
"""Seconds between the looks of an open page at whether there is something new."""

HOLD = 10.0
"""Seconds that a page waits for new reports before it shows the numbers it has."""


@st.cache_resource(show_spinner=False, max_entries=10)
def _refresh(path: str, _warehouse: Warehouse) -> Refresh:
    return Refresh(_warehouse)


def _of(warehouse: Warehouse) -> Refresh:
    """The one of all who look at this warehouse."""
    return _refresh(str(warehouse.path.absolute()), warehouse)


def bring_up_to_date(settings: Settings, warehouse: Warehouse) -> None:
    """Read new reports when the page is opened, when asked to, and when the data is old.

    Where that takes long, the page goes on with what there is, and says so. It waits for as long
    as there is nothing.

    Raises:
        SettingError: the database's settings can't be used.
        DatabaseUnavailable: nothing was read before, and the database does not answer.
        WarehouseError: the warehouse can't be written.
    """
    # Drawn each time: if what follows moved, Streamlit would keep the filters out of the address.
    place = st.empty()
    refresh = _of(warehouse)
    opened = "opened" not in st.session_state
    st.session_state["opened"] = True
    asked = st.session_state.pop("asked", False)
    due = asked or _age(warehouse) > (FRESH if opened else settings.refresh)
    if due:
        refresh.start(settings.database)
        _wait(refresh, warehouse, place)
    result = refresh.result
    if isinstance(result, DatabaseUnavailable) and (synced := warehouse.synced()):
        said = f"{result}. These are the numbers of {synced:%-d %b %Y %H:%M} UTC."
        place.warning(plain_sentence(said), icon=":material/cloud_off:")
    elif isinstance(result, Exception):
        raise result
    elif due and isinstance(result, Synced) and result.rebuilt:
        place.info(f"The copy of the data was replaced: {plain_sentence(result.rebuilt)}")


def _wait(refresh: Refresh, warehouse: Warehouse, meter: DeltaGenerator) -> None:
    waited = 0.0
    while not refresh.wait(0.2):
        waited += 0.2
        if waited > HOLD and warehouse.version():
            break
        if waited > 1 and refresh.progress:
            said = _so_far(refresh.progress)
            if not warehouse.version():
                said += "; numbers show as soon as some are in"
            meter.progress(_fraction(refresh.progress), said)
    meter.empty()


@st.fragment(run_every=TICK)
def say_how_fresh(
    settings: Settings, warehouse: Warehouse, version: tuple[int, int], as_of: date | None
) -> None:
    """Say it, read new reports from time to time, and show the page anew when some came.

    Args:
        version: of the warehouse that the page shows.
        as_of: None where there is nothing to show yet.
    """
    refresh = _of(warehouse)
    if refresh.progress is None and warehouse.version() != version:
        st.rerun()
    if _age(warehouse) > (settings.refresh if as_of else timedelta(seconds=TICK)):
        refresh.start(settings.database)
    progress, synced = refresh.progress, warehouse.synced()
    with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
        if synced is None and progress:  # the first load
            # They come in the order of their days, so the numbers are of those read so far.
            until = f"Up to {day(as_of)} so far: " if as_of else ""
            st.progress(_fraction(progress), f"{until}{_of_about(progress)} reports", width=400)
            if warehouse.version() != version:
                st.rerun()
            return
        when = f"synced {ago(datetime.now(UTC) - synced)}" if synced else "not synced yet"
        st.caption(
            f"as of {day(as_of)} · {when}" if as_of else when,
            help="The last complete day (UTC) that the numbers count. Today's reports are drawn "
            "paler and count for nothing that needs a whole day.",
            width="content",
        )
        st.button(
            "",
            icon=":material/refresh:",
            help="Read new reports now",
            type="tertiary",
            key="refresh",
            on_click=_ask,
        )
    if st.session_state.get("asked"):
        st.rerun()


def _ask() -> None:
    st.session_state["asked"] = True


def _age(warehouse: Warehouse) -> timedelta:
    """Since the last sync that ended; long where there was none, or no warehouse is left."""
    synced = warehouse.synced() if warehouse.version() else None
    return datetime.now(UTC) - synced if synced else timedelta.max


def _fraction(progress: Progress) -> float:
    return min(1.0, progress.done / progress.total) if progress.total else 0.0


def _so_far(progress: Progress) -> str:
    if not progress.total:
        return "Looking for new reports"
    return f"Reading {_of_about(progress)} reports"


def _of_about(progress: Progress) -> str:
    return f"{count(progress.done)} of about {count(progress.total)}"
