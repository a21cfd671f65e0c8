"""Links from page to page that keep the filters."""

from __future__ import annotations

import streamlit as st


def page_link(path: str, label: str, **parameters: str) -> None:
    """Link to the page at a path ("" is the first one).

    Args:
        label: Markdown.
        parameters: what the address is to say besides the filters.
    """
    st.page_link(
        _page(path, label),
        label=label,
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params=_with_filters(parameters),
    )


def open_page(path: str, **parameters: str) -> None:
    """Go to a page at once; takes the same as `page_link`."""
    st.switch_page(_page(path, path), query_params=_with_filters(parameters))


def _page(path: str, title: str) -> st.Page:
    return st.Page(lambda: None, title=title, url_path=path or None, default=not path)


def _with_filters(parameters: dict[str, str]) -> dict[str, list[str]]:
    kept = {key: st.query_params.get_all(key) for key in st.query_params}
    return {**kept, **{name: [value] for name, value in parameters.items()}}
