"""Tables as rows, and sentences as plain text, that can be compared."""

from __future__ import annotations

import math
import numbers
from typing import Any

import pandas as pd
import pytest

from dashboard.analysis.engines import as_frame

Rows = list[tuple[Any, ...]]


def rows_of(table: Any) -> Rows:
    """An Ibis table's or a frame's rows, dates as dates and every kind of null as None."""
    frame = table if isinstance(table, pd.DataFrame) else as_frame(table)
    return [tuple(map(plain, row)) for row in frame.itertuples(index=False, name=None)]


def plain(value: Any) -> Any:
    """A cell, whatever library it comes from."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, numbers.Real):
        number = float(value)
        return None if math.isnan(number) else number
    return value.date() if hasattr(value, "date") else value


def near(rows: Rows) -> Rows:
    """What equals these rows `ordered`; counts that differ do so by more than 1e-9."""
    return [
        tuple(
            pytest.approx(cell, rel=0, abs=1e-9) if isinstance(cell, float) else cell
            for cell in row
        )
        for row in ordered(rows)
    ]


def ordered(rows: Rows) -> Rows:
    """Sorted, whatever the last digits of a fraction are."""

    def key(row: tuple[Any, ...]) -> str:
        return repr([round(cell, 6) if isinstance(cell, float) else cell for cell in row])

    return sorted((tuple(map(plain, row)) for row in rows), key=key)


def plainly(said: str) -> str:
    """Without Markdown's backslashes, and with simple spaces."""
    return " ".join(said.replace("\\", "").split())
