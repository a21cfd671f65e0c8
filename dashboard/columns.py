"""Reports as the database holds them, turned into the warehouse's columns."""

from __future__ import annotations

from collections.abc import Iterable
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


def as_columns(reports: Iterable[StoredReport]) -> pa.Table:
    """A row a report; what a report doesn't say is null."""
    return pa.Table.from_pylist([_row(report) for report in reports], schema=_COLUMNS)


def _row(report: StoredReport) -> dict[str, Any]:
    error = report.get("error", {})
    metrics = {name: _text(value) for name, value in report.get("metrics", {}).items()}
    return {
        **report,
        "fingerprint": error.get("fingerprint"),
        "error_type": error.get("type"),
        "error_where": error.get("where"),
        "sentry_event": error.get("sentry_event"),
        "os": metrics.get("os"),
        "os_version": metrics.get("os_version"),
        "version": metrics.get("package_version"),
        "metrics": list(metrics.items()),
    }


def _text(value: object) -> str:
    """A metric's value as text: text as it is, numbers and booleans as JSON writes them."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
