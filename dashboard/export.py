"""Tables as files: CSV that a spreadsheet and a program read alike, or Parquet."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from dashboard.analysis.history import History
from dashboard.sentry import SentryLinks
from dashboard.tables import Table, all_tables

_FORMULA = re.compile(r"\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\Z")


def export(
    history: History,
    out: Path,
    *,
    sentry: SentryLinks | None = None,
    min_cell: int = 0,
    format: str = "csv",
) -> list[Path]:
    """Write every table of an app as a file into a folder, which is made if need be.

    Args:
        format: one of `FORMATS`.

    Returns the files written.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for table in all_tables(history):
        path = out / f"{table.name}.{format}"
        path.write_bytes(_content(table, history, sentry, min_cell, format))
        written.append(path)
    return written


def zipped(history: History, sentry: SentryLinks | None, min_cell: int) -> bytes:
    """The files of `export` as CSV, in one zip; they are made one after the other."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in all_tables(history):
            made = _content(table, history, sentry, min_cell, "csv")
            archive.writestr(f"{table.name}.csv", made)
    return content.getvalue()


def one_file(history: History, name: str, sentry: SentryLinks | None, min_cell: int) -> bytes:
    """The table of that name as `export` writes it, as CSV.

    Raises:
        StopIteration: there is none.
    """
    table = next(table for table in all_tables(history) if table.name == name)
    return _content(table, history, sentry, min_cell, "csv")


def _content(
    table: Table, history: History, sentry: SentryLinks | None, min_cell: int, format: str
) -> bytes:
    return FORMATS[format](suppressed(table, table.frame(history, sentry), min_cell))


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
    frame, texts = _typed(frame), []
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            frame[name] = column.dt.strftime("%Y-%m-%d")
        elif not pd.api.types.is_numeric_dtype(column):
            frame[name] = [_defused(value) for value in column]
            texts.append(name)
    # What ends a row for readers has to be quoted; Python 3.11 only quotes what ends rows here.
    returns = any("\r" in str(value) for name in texts for value in frame[name])
    text: str = frame.to_csv(index=False, lineterminator="\r\n" if returns else "\n")
    return text.encode()


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """The same columns: days as dates, counts as int64, shares as doubles, text as it is."""
    frame = _typed(frame)
    columns: dict[str, pa.Array] = {}
    for name in frame.columns:
        column = pa.array(frame[name], from_pandas=True)
        kind = column.type
        if pa.types.is_temporal(kind):
            column = column.cast(pa.date32())
        elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            column = column.cast(pa.string())  # also where there is nothing to tell a type by
        columns[str(name)] = column
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


FORMATS: dict[str, Callable[[pd.DataFrame], bytes]] = {"csv": csv_bytes, "parquet": parquet_bytes}
"""What a table can be written as, by the file's ending."""


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Counts that are blank here and there as integers all the same."""
    frame = frame.copy()
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_float_dtype(column) and _whole(column):
            frame[name] = column.astype("Int64")
    return frame


def _whole(column: pd.Series) -> bool:
    return bool((column.dropna() % 1 == 0).all()) and column.name not in _FRACTIONS


_FRACTIONS = (
    *("share", "install_share", "run_share", "dropped_share", "late_share", "ci_share"),
    *("expected", "excess", "difference", "ci_low", "ci_high", "q_value"),
    *("median_ms", "p90_ms"),
)


def _defused(value: object) -> object:
    """Text that a spreadsheet would run as a formula, made plain text by an apostrophe before it.

    See OWASP, "CSV Injection".
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.match(value):
        return "'" + value
    return value
