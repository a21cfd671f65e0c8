"""Reports as the database holds them, turned into the warehouse's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from ingest.store import StoredReport

_COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("app", pa.string()),
        ("install", pa.string()),
        ("time", pa.int64()),
        ("kind", pa.string()),
        ("operation", pa.string()),
        ("solution", pa.string()),
        ("outcome", pa.string()),
        ("duration_ms", pa.int64()),
        ("fingerprint", pa.string()),
        ("error_type", pa.string()),
        ("error_where", pa.string()),
        ("sentry_event", pa.string()),
        ("os", pa.string()),
        ("os_version", pa.string()),
        ("version", pa.string()),
        ("metrics", pa.map_(pa.string(), pa.string())),
        ("ci", pa.bool_()),
        ("dropped", pa.int64()),
        ("received", pa.int64()),
    ]
)


_AS_STORED = (
    "id",
    "app",
    "install",
    "time",
    "kind",
    "operation",
    "solution",
    "outcome",
    "duration_ms",
    "ci",
    "dropped",
    "received",
)


def as_columns(reports: Sequence[StoredReport]) -> pa.Table:
    """A row a report; what a report doesn't say is null."""
    values: dict[str, list[Any]] = {
        name: [getattr(report, name) for report in reports] for name in _AS_STORED
    }
    errors = [report.error for report in reports]
    values |= {
        "fingerprint": [error and error.fingerprint for error in errors],
        "error_type": [error and error.type for error in errors],
        "error_where": [error and error.where for error in errors],
        "sentry_event": [error and error.sentry_event for error in errors],
    }
    metrics = [_texts(report.metrics) for report in reports]
    values |= {
        "os": [told.get("os") for told in metrics],
        "os_version": [told.get("os_version") for told in metrics],
        "version": [told.get("package_version") for told in metrics],
        "metrics": [list(told.items()) for told in metrics],
    }
    return pa.table(values, schema=_COLUMNS)


def _texts(metrics: Mapping[str, object]) -> dict[str, str]:
    """Metrics as text: text as it is, numbers and booleans as JSON writes them."""
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in metrics.items()
    }
