"""Decoding and validating reports, strictly: what passes here may be stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from wald import report as limits

MAX_TIME = 253_402_300_799_999
"""The last millisecond of the year 9999."""

_Id = Annotated[str, Meta(pattern=limits.ID_PATTERN)]
_Text = Annotated[str, Meta(max_length=limits.MAX_TEXT)] | None
_ErrorText = Annotated[str, Meta(max_length=limits.MAX_ERROR_TEXT)]
_Count = Annotated[int, Meta(ge=0, le=limits.MAX_NUMBER)]
_MetricValue = (
    Annotated[str, Meta(max_length=limits.MAX_METRIC_TEXT)]
    | Annotated[int, Meta(ge=-limits.MAX_NUMBER, le=limits.MAX_NUMBER)]
    | float
    | bool
)


class ErrorInfo(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The ``error`` of a report."""

    fingerprint: Annotated[str, Meta(pattern=limits.FINGERPRINT_PATTERN)]
    type: _ErrorText
    where: _ErrorText
    sentry_event: _Id | None = None


class Report(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A report that keeps to the contract; the fields are those of `wald.report.Report`."""

    id: _Id
    app: Annotated[str, Meta(pattern=limits.APP_PATTERN)]
    install: _Id
    time: Annotated[int, Meta(ge=0, le=MAX_TIME)]
    kind: Literal["run", "error"]
    metrics: Annotated[
        dict[Annotated[str, Meta(pattern=limits.IDENTIFIER_PATTERN)], _MetricValue],
        Meta(max_length=limits.MAX_METRICS),
    ]
    ci: bool
    dropped: _Count
    operation: _Text = None
    solution: _Text = None
    outcome: Literal["ok", "error", "cancelled"] | None = None
    duration_ms: _Count | None = None
    error: ErrorInfo | None = None

    def __post_init__(self) -> None:
        if (self.kind == "error") != (self.error is not None):
            raise ValueError("`error` must stand in a report of kind `error`, and in no other")

    def stored(self) -> dict[str, Any]:
        """The report as JSON values; absent fields are left out."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        return fields


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request, its reports not decoded yet: each is judged by itself."""

    schema: Literal[1]
    reports: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=limits.MAX_BATCH)]


InvalidReport = msgspec.DecodeError
"""Raised for JSON that is none or breaks a rule; its text names the field and the rule."""

decode_batch = msgspec.json.Decoder(Batch).decode
decode_report = msgspec.json.Decoder(Report).decode
