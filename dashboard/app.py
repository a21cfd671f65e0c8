"""The dashboard: ``streamlit run dashboard/app.py``. The pages are in views/."""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.head_start import HeadStart

if get_script_run_ctx(suppress_warning=True) is None:  # Streamlit asks what it is to serve
    app = st.App(__file__, middleware=[Middleware(HeadStart)])
else:  # and runs this anew for everyone who looks
    from dashboard.views.navigation import navigate

    navigate()
