"""A finding with its picture, its table and its CSV: what pages are built of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    open_table: bool = False,
    on_row: Callable[[int], None] | None = None,
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
        open_table: whether the table stands under the picture, instead of behind a button.
        on_row: called with the place of a row of the frame that the viewer chooses in the table,
            or of a point of the picture's first series, which is then to have a point a row.
            It has to lead to where this block is not drawn.
    """
    with st.container(border=True, height="stretch"):
        st.markdown(f"##### {finding}")
        st.caption(said)
        if frame.empty:
            st.info(nothing, icon=":material/hourglass_empty:")
            return
        if figure is not None:
            alt = f"{plain_text(finding)}. The numbers are in the table below."
            _picture(figure, name, alt, on_row)
        if figure is None or open_table:
            _table(frame, columns, name, on_row)
        with st.container(horizontal=True):
            if figure is not None and not open_table:
                with st.popover("Table", icon=":material/table_rows:", type="tertiary"):
                    _table(frame, columns, name, on_row)
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


def _picture(figure: go.Figure, name: str, alt: str, on_row: Callable[[int], None] | None) -> None:
    look: dict[str, Any] = {"config": {"displayModeBar": False}, "key": f"chart-{name}", "alt": alt}
    if on_row is None:
        st.plotly_chart(figure, **look)
        return
    event = st.plotly_chart(figure, **look, on_select="rerun", selection_mode="points")
    chosen = [point for point in event["selection"]["points"] if point["curve_number"] == 0]
    if chosen:
        on_row(chosen[0]["point_index"])


def _table(
    frame: pd.DataFrame,
    columns: Mapping[str, Any] | None,
    name: str,
    on_row: Callable[[int], None] | None,
) -> None:
    look: dict[str, Any] = {"hide_index": True, "height": "auto", "placeholder": ""}
    look["column_config"] = dict(columns or {})
    if on_row is None:
        st.dataframe(frame, **look)
        return
    chosen = st.dataframe(
        frame, **look, key=f"table-{name}", on_select="rerun", selection_mode="single-row"
    )
    if chosen["selection"]["rows"]:
        on_row(chosen["selection"]["rows"][0])
