"""Reports as the database holds them: the fields of `wald.report.Report`, and ``received``."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from operator import attrgetter

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


class Page(Struct, frozen=True):
    """A part of an arrival day."""

    reports: list[StoredReport]
    """In the order of ``received``."""
    rows: int
    """How many children were read, those among them that are no reports."""
    server_ms: int | None
    """When the database answered, by its own clock, ms UTC; None where it doesn't say."""


def decode_page(body: bytes, date_header: str | None) -> Page:
    """Decode a part of an arrival day, as the database sends it.

    What is no report, because somebody wrote it by hand, is left out of `Page.reports`.
    """
    try:
        reports = list((_decode_all(body) or {}).values())
        rows = len(reports)
    except DecodeError:
        children = _decode_each(body).values()
        reports = [report for raw in children if (report := _report(raw))]
        rows = len(children)
    reports.sort(key=attrgetter("received"))
    return Page(reports, rows, _milliseconds(date_header))


def _milliseconds(date_header: str | None) -> int | None:
    if date_header is None:
        return None
    return int(parsedate_to_datetime(date_header).timestamp() * 1000)


def _report(raw: Raw) -> StoredReport | None:
    try:
        return _decode_one(raw)
    except DecodeError:
        return None
