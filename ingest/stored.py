"""Reports as the database holds them: the fields of `wald.report.Report`, and ``received``."""

from __future__ import annotations

from msgspec import DecodeError, Raw, Struct, field
from msgspec.json import Decoder


class StoredError(Struct, frozen=True):
    """The ``error`` of a stored report."""

    fingerprint: str
    type: str = ""
    where: str = ""
    sentry_event: str | None = None


class StoredReport(Struct, frozen=True):
    """A stored report. The database drops empty maps and nulls, so they may be absent."""

    id: str
    app: str
    install: str
    time: int
    kind: str
    received: int
    """When the database took it, ms UTC by its own clock."""
    metrics: dict[str, str | int | float | bool] = field(default_factory=dict)
    ci: bool = False
    dropped: int = 0
    operation: str | None = None
    solution: str | None = None
    outcome: str | None = None
    duration_ms: int | None = None
    error: StoredError | None = None


_decode_all = Decoder(dict[str, StoredReport] | None).decode
_decode_each = Decoder(dict[str, Raw]).decode
_decode_one = Decoder(StoredReport).decode


def decode_reports(body: bytes) -> list[StoredReport]:
    """Decode a part of an arrival day, as the database sends it.

    What is no report, because somebody wrote it by hand, is left out.
    """
    try:
        return list((_decode_all(body) or {}).values())
    except DecodeError:
        return [report for raw in _decode_each(body).values() if (report := _report(raw))]


def _report(raw: Raw) -> StoredReport | None:
    try:
        return _decode_one(raw)
    except DecodeError:
        return None
