"""Decoding and validating reports, strictly: what passes here may be stored."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from wald import report as limits

MAX_TIME = 253_402_300_799_999
"""The last millisecond of the year 9999."""

MAX_REASON = 200
"""Characters of the reason for a refusal."""

T = TypeVar("T")

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
    kind: Annotated[str, Meta(pattern="^(run|error)\\Z")]
    metrics: Annotated[
        dict[Annotated[str, Meta(pattern=limits.IDENTIFIER_PATTERN)], _MetricValue],
        Meta(max_length=limits.MAX_METRICS),
    ]
    ci: bool
    dropped: _Count
    operation: _Text = None
    solution: _Text = None
    outcome: Annotated[str, Meta(pattern="^(ok|error|cancelled)\\Z")] | None = None
    duration_ms: _Count | None = None
    error: ErrorInfo | None = None

    def __post_init__(self) -> None:
        if (self.kind == "error") != (self.error is not None):
            raise ValueError("`error` must stand in a report of kind `error`, and in no other")


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request, its reports not decoded yet: each is judged by itself."""

    schema: Annotated[int, Meta(ge=limits.SCHEMA, le=limits.SCHEMA)]
    reports: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=limits.MAX_BATCH)]


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request to be forgotten."""

    secret: Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]


_WISH = msgspec.json.Decoder(Wish)
_BATCH = msgspec.json.Decoder(Batch)
_REPORT = msgspec.json.Decoder(Report)


class InvalidReport(ValueError):
    """JSON that is none or breaks a rule; the message names the field and the rule."""


def decode_batch(body: bytes) -> Batch:
    """Decode the body of a request; raises `InvalidReport`."""
    return _decode(_BATCH, body)


def decode_wish(body: bytes) -> Wish:
    """Decode the body of a request to be forgotten; raises `InvalidReport`."""
    return _decode(_WISH, body)


def decode_report(text: bytes | msgspec.Raw) -> Report:
    """Decode and validate one report; raises `InvalidReport`."""
    return _decode(_REPORT, text)


def _decode(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw) -> T:
    try:
        return decoder.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidReport(_in_short(str(error))) from error
    except UnicodeDecodeError as error:
        raise InvalidReport("JSON is not UTF-8") from error
    except RecursionError as error:
        raise InvalidReport("JSON is nested too deeply") from error


def _in_short(reason: str) -> str:
    """A reason fit for a log and a terminal: it quotes the name of an unknown field."""
    shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in reason)
    return shown if len(shown) <= MAX_REASON else f"{shown[: MAX_REASON - 1]}…"
