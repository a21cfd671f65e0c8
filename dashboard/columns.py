"""Reports as the database holds them, turned into columns by DuckDB's own JSON reader."""

from __future__ import annotations

import json
from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
from msgspec import Raw

from ingest.store import MAX_TIME

ARRIVED = """
CREATE OR REPLACE TEMP TABLE arrived (
    id UUID, app VARCHAR, pseudonym UUID, time BIGINT, day DATE, kind VARCHAR,
    operation VARCHAR, solution VARCHAR, outcome VARCHAR, duration_ms BIGINT,
    fingerprint VARCHAR, error_type VARCHAR, error_where VARCHAR, sentry_event VARCHAR,
    metrics VARCHAR, ci BOOLEAN, dropped BIGINT, received BIGINT
)
"""
"""What was read and is not in the warehouse yet: a row a report, what it doesn't say null. The
metrics are JSON still, as few differ. Made anew to be emptied: the memory of rows that are deleted
from a temporary table, all of them or not, is never free again."""

# The fields of `wald.report.Report`, and when the database took it.
_SHAPE = json.dumps(
    {
        **dict.fromkeys(("id", "app", "install", "kind"), "VARCHAR"),
        **dict.fromkeys(("operation", "solution", "outcome"), "VARCHAR"),
        **dict.fromkeys(("time", "received", "duration_ms", "dropped"), "BIGINT"),
        "ci": "BOOLEAN",
        "metrics": "JSON",
        "error": dict.fromkeys(("fingerprint", "type", "where", "sentry_event"), "VARCHAR"),
    }
)

# What 32 lower-case hex digits say; null for all else.
_UUID = "CASE WHEN length({0}) = 32 AND lower({0}) = {0} THEN TRY_CAST({0} AS UUID) END"

# Null is what TRY makes of text that is no JSON, and the reader of a field of another type.
_ADD = f"""
INSERT INTO arrived BY NAME
SELECT {_UUID.format("it.id")} AS id, {_UUID.format("it.install")} AS pseudonym,
    it.app, it.kind, it.operation, it.solution, it.outcome,
    it.time, TRY(epoch_ms(it.time)::DATE) AS day, it.duration_ms, it.received,
    it.error.fingerprint, it.error.type AS error_type, it.error.where AS error_where,
    it.error.sentry_event,
    coalesce(it.metrics::VARCHAR, '{{}}') AS metrics,
    coalesce(it.ci, false) AS ci, coalesce(it.dropped, 0) AS dropped
FROM (SELECT TRY(json_transform(text, '{_SHAPE}')) AS it FROM page)
"""

# By itself, as DuckDB would read the JSON again for each condition of a filter beside it.
_DROP_WHAT_IS_NO_REPORT = f"""
DELETE FROM arrived WHERE (
    id IS NOT NULL AND pseudonym IS NOT NULL
    AND kind IN ('run', 'error') AND time BETWEEN 0 AND {MAX_TIME}
    AND app IS NOT NULL AND received IS NOT NULL
) IS NOT TRUE
"""


def add_columns(connection: duckdb.DuckDBPyConnection, reports: Sequence[Raw | bytes]) -> None:
    """Add reports, each as JSON, to the table ``arrived``, whatever it may be."""
    connection.register("page", pa.table({"text": _texts(reports)}))
    connection.execute(_ADD)
    connection.unregister("page")


def _texts(reports: Sequence[Raw | bytes]) -> pa.Array:
    """A column of texts, none of them looked at; for `pyarrow.array` pandas would be loaded."""
    ends = np.zeros(len(reports) + 1, np.int64)
    np.cumsum([len(report) for report in reports], out=ends[1:])
    buffers = pa.py_buffer(ends), pa.py_buffer(b"".join(reports))
    return pa.LargeStringArray.from_buffers(len(reports), *buffers)


def drop_what_is_no_report(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave out of ``arrived`` what somebody wrote by hand and is no report."""
    connection.execute(_DROP_WHAT_IS_NO_REPORT)
