"""What the address says besides the filters: the error or install that is looked at."""

from __future__ import annotations

import re

import streamlit as st

_HEX = re.compile(r"[0-9a-f]+")


def looked_at(name: str, digits: int) -> str | None:
    """The error or install that the address names by its hex digits; None where it names none.

    Whatever else stands there is taken for none, so that it reaches no query.
    """
    value = st.query_params.get(name, "").strip().lower()
    return value if len(value) == digits and _HEX.fullmatch(value) else None


def look_at(name: str, value: str) -> None:
    """Go on with that error or install, on this page."""
    st.query_params[name] = value
    st.rerun()


def look_away(name: str) -> None:
    """Go back to all of them; to be called from a button's callback."""
    if name in st.query_params:
        del st.query_params[name]
