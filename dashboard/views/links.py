"""Links from page to page that keep the filters."""

from __future__ import annotations

import streamlit as st


def page_link(path: str, label: str, **parameters: str) -> None:
    """Link to the page at a path ("" is the first one).

    Args:
        label: Markdown.
        parameters: what the address is to say besides the filters.
    """
    kept = {key: st.query_params.get_all(key) for key in st.query_params}
    st.page_link(
        st.Page(lambda: None, title=label, url_path=path or None, default=not path),
        label=label,
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params={**kept, **{name: [value] for name, value in parameters.items()}},
    )
