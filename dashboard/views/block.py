"""A finding with its picture, its table and its CSV: what pages are built of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.export import csv_bytes
from dashboard.words import plain_text


def block(
    finding: str,
    said: str,
    figure: go.Figure | None,
    frame: pd.DataFrame,
    name: str,
    *,
    columns: Mapping[str, Any] | None = None,
    nothing: str = "Nothing happened in this period.",
) -> None:
    """Draw one.

    Args:
        finding: what the picture shows, in a sentence; Markdown.
        said: what is drawn, in which unit, over which days; Markdown.
        figure: None where a table is the better picture.
        frame: the numbers behind it, as they are exported.
        name: of the CSV file, without its ending; one block a page bears it.
        columns: how the table shows its columns.
        nothing: what to say where the frame is empty.
    """
    with st.container(border=True, height="stretch"):
        st.markdown(f"##### {finding}")
        st.caption(said)
        if frame.empty:
            st.info(nothing, icon=":material/hourglass_empty:")
            return
        if figure is not None:
            st.plotly_chart(
                figure,
                config={"displayModeBar": False},
                key=f"chart-{name}",
                alt=f"{plain_text(finding)}. The numbers are in the table below.",
            )
        else:
            _table(frame, columns)
        with st.container(horizontal=True):
            if figure is not None:
                with st.popover("Table", icon=":material/table_rows:", type="tertiary"):
                    _table(frame, columns)
            st.download_button(
                "CSV",
                csv_bytes(frame),
                f"{name}.csv",
                "text/csv",
                icon=":material/download:",
                type="tertiary",
                on_click="ignore",
                key=f"csv-{name}",
            )


def _table(frame: pd.DataFrame, columns: Mapping[str, Any] | None) -> None:
    st.dataframe(frame, hide_index=True, column_config=dict(columns or {}), height="auto")
