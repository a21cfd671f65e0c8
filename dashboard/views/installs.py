"""Installs: who left after an error, and what did one install do?"""

from __future__ import annotations

import re

import streamlit as st

from dashboard import findings
from dashboard.analysis.one_install import MOST_FOUND, found_installs
from dashboard.views import one_install
from dashboard.views.address import look_at, looked_at
from dashboard.views.block import block
from dashboard.views.frame import View
from dashboard.words import count

_NUMBER = st.column_config.NumberColumn
_DAY = st.column_config.DateColumn
_COLUMNS = {
    "install": "Install",
    "first_seen": _DAY("First seen", format="D MMM YYYY"),
    "last_seen": _DAY("Last seen", format="D MMM YYYY"),
    "silent_days": _NUMBER("Silent", format="%d days"),
    "visits": _NUMBER("Visits"),
    "fingerprint": None,
    "type": "Last error",
    "version": "Version",
    "os": "OS",
    "sentry_url": st.column_config.LinkColumn("Sentry", display_text="open ↗"),
}
_PREFIX = re.compile(r"[0-9a-f]{2,32}")


def show(view: View) -> None:
    """Draw the page: a search and lists, or the install that the address names."""
    install = looked_at("install", 32)
    if install:
        one_install.show(view, install)
        return
    _search(view)
    _leavers(view)


def _search(view: View) -> None:
    typed = st.text_input(
        "Find an install",
        placeholder="The first digits of its pseudonym, such as 3f09",
        max_chars=64,
        help="Users see their install's pseudonym where the tool explains its telemetry, and may "
        "name it in a bug report. The search looks through all days, whatever the filters.",
        width=420,
    )
    prefix = typed.strip().lower().replace("-", "")
    if not prefix:
        return
    if not _PREFIX.fullmatch(prefix):
        st.info(
            "A pseudonym is made of the digits 0 to 9 and a to f, 32 of them; two to begin with "
            "are enough.",
            icon=":material/info:",
        )
        return
    found = view.ask(found_installs, about=prefix)
    if len(found) == 1:
        look_at("install", str(found["install"].iloc[0]))
    more = f", the {count(MOST_FOUND)} seen last" if len(found) == MOST_FOUND else ""
    block(
        f"{count(len(found))} installs begin with {prefix}{more}",
        "On all days, whatever the filters, those seen last first; choose a row for its timeline. "
        "Silent: days from its last visit to the as-of day.",
        None,
        found,
        "found_installs",
        columns=_COLUMNS,
        nothing="No install that reported to this app is called so.",
        on_row=lambda row: look_at("install", str(found.iloc[row]["install"])),
    )


def _leavers(view: View) -> None:
    left = view.table("left_after_error")
    block(
        findings.leavers(left),
        f"Installs whose last visit had an error and lies {view.scope.horizon} days or more back, "
        "the longest silence last; choose a row for its timeline.",
        None,
        left,
        "left_after_error",
        columns=_COLUMNS if view.sentry else {**_COLUMNS, "sentry_url": None},
        nothing="Nobody is known to have left after an error in this period.",
        on_row=lambda row: look_at("install", str(left.iloc[row]["install"])),
    )
