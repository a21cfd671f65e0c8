"""Tables as CSV files that a spreadsheet and a program read alike."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from dashboard.analysis.history import History
from dashboard.sentry import SentryLinks
from dashboard.tables import Table, all_tables

_FORMULA = re.compile(r"\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\Z")


def export(
    history: History, out: Path, *, sentry: SentryLinks | None = None, min_cell: int = 0
) -> list[Path]:
    """Write every table of an app as a CSV file into a folder, which is made if need be.

    Returns the files written.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for table in all_tables(history):
        path = out / f"{table.name}.csv"
        frame = suppressed(table, table.frame(history, sentry), min_cell)
        path.write_bytes(csv_bytes(frame))
        written.append(path)
    return written


def suppressed(table: Table, frame: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Blank what counts fewer than `min_cell` installs, and what would give such a count away."""
    if min_cell <= 1:
        return frame
    if table.personal:
        return frame.iloc[:0]
    frame = frame.copy()
    small = {column: frame[column] < min_cell for column in table.counts}
    for column, dependents in table.counts.items():
        for blanked in (column, *dependents):
            frame[blanked] = frame[blanked].mask(small[column])
    return frame


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """UTF-8 with a header row, ISO days, plain numbers, blank for null."""
    text: str = _typed(frame).to_csv(index=False, lineterminator="\n")
    return text.encode()


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            frame[name] = column.dt.strftime("%Y-%m-%d")
        elif pd.api.types.is_float_dtype(column) and _whole(column):
            frame[name] = column.astype("Int64")  # counts that are blank here and there
        elif not pd.api.types.is_numeric_dtype(column):
            frame[name] = [_defused(value) for value in column]
    return frame


def _whole(column: pd.Series) -> bool:
    return bool((column.dropna() % 1 == 0).all()) and column.name not in _FRACTIONS


_FRACTIONS = ("share", "expected", "excess", "ci_low", "ci_high", "q_value")


def _defused(value: object) -> object:
    """Text that a spreadsheet would run as a formula, made plain text by an apostrophe before it.

    See OWASP, "CSV Injection".
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.match(value):
        return "'" + value
    return value
