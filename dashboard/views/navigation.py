"""Which pages there are, and the way between them."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.views import (
    adoption,
    data,
    errors,
    installs,
    one_time,
    overview,
    platforms,
    sign_in,
    solutions,
)
from dashboard.views.frame import View, open_view

Show = Callable[[View], None]


def _page(show: Show, title: str, icon: str, path: str | None = None) -> st.Page:
    def draw() -> None:
        with open_view() as view:
            show(view)

    return st.Page(
        draw,
        title=title,
        icon=f":material/{icon}:",
        url_path=path,
        default=path is None,
    )


def navigate() -> None:
    """Draw the page that the address names, for those who may look."""
    st.set_page_config(page_title="Wald", page_icon="✈️", layout="wide")
    account = sign_in.admit()
    st.navigation(
        [
            _page(overview.show, "Overview", "dashboard"),
            _page(adoption.show, "Adoption", "trending_up", "adoption"),
            _page(platforms.show, "Platforms", "devices", "platforms"),
            _page(solutions.show, "Solutions", "deployed_code", "solutions"),
            _page(one_time.show, "One-time users", "person_off", "one-time"),
            _page(errors.show, "Errors", "bug_report", "errors"),
            _page(installs.show, "Installs", "person_search", "installs"),
            _page(data.show, "Data", "database", "data"),
            *account,
        ],
        position="top",
    ).run()
