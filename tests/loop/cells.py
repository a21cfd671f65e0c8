"""Tables cell by cell: as a CSV file writes them, and as a test expects them."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

FRACTIONS = ("share", "expected", "excess", "ci_low", "ci_high", "q_value")
"""Columns of numbers that need not be whole; the others are compared letter by letter."""

Cells = list[tuple[str, ...]]


def read(path: Path) -> tuple[str, Cells]:
    """The header of a CSV file as it stands there, and its rows in an order of their own."""
    text = path.read_bytes().decode("utf-8")
    header, *rows = csv.reader(text.splitlines(keepends=True))
    return ",".join(header), sorted(
        tuple(_read_cell(*pair) for pair in zip(header, row, strict=True)) for row in rows
    )


def written(header: str, rows: Iterable[Iterable[Any]]) -> Cells:
    """Rows as `read` gives them for a file that holds them."""
    names = header.split(",")
    return sorted(
        tuple(_write_cell(*pair) for pair in zip(names, row, strict=True)) for row in rows
    )


def _read_cell(column: str, cell: str) -> str:
    return _rounded(float(cell)) if column in FRACTIONS and cell else cell


def _write_cell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column in FRACTIONS:
        return _rounded(float(value))
    return value.isoformat() if isinstance(value, date) else str(value)


def _rounded(value: float) -> str:
    """Nine digits: sums in another order differ in the last of them."""
    return f"{round(value, 9) + 0.0:.9f}"
