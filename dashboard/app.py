"""The dashboard: its pages, and the way to each. ``streamlit run dashboard/app.py`` serves it."""

from __future__ import annotations

import gc
from collections.abc import Callable

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.head_start import HeadStart
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


def _page(show: Callable[[View], None], title: str, icon: str, path: str | None = None) -> st.Page:
    def draw() -> None:
        with open_view() as view:
            show(view)

    icon = f":material/{icon}:"
    return st.Page(draw, title=title, icon=icon, url_path=path, default=path is None)


def _navigate() -> None:
    st.set_page_config(page_title="Wald", page_icon="✈️", layout="wide")
    account = sign_in.admit()
    pages = [
        _page(overview.show, "Overview", "dashboard"),
        _page(adoption.show, "Adoption", "trending_up", "adoption"),
        _page(platforms.show, "Platforms", "devices", "platforms"),
        _page(solutions.show, "Solutions", "deployed_code", "solutions"),
        _page(one_time.show, "One-time users", "person_off", "one-time"),
        _page(errors.show, "Errors", "bug_report", "errors"),
        _page(installs.show, "Installs", "person_search", "installs"),
        _page(data.show, "Data", "database", "data"),
    ]
    st.navigation([*pages, *account], position="top").run()


if get_script_run_ctx(suppress_warning=True) is None:  # Streamlit asks what it is to serve
    app = st.App(__file__, middleware=[Middleware(HeadStart)])
    gc.freeze()  # Streamlit looks for garbage after each run: not in all that was imported
else:  # and runs this anew for everyone who looks
    _navigate()
