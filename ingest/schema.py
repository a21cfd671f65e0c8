"""Decoding and validating reports, strictly: what passes here may be stored."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import astuple

from wald import report as limits

MAX_TIME = 253_402_300_799_999
"""The last millisecond of the year 9999."""

MAX_REPORT = 128 * 1024
"""Bytes of one report's JSON; the longest, with every character escaped, has some 75,000."""

MAX_IDENTIFIER = 64
"""Characters of a metric's name, as its pattern says; of longer ones nothing is remembered."""

MAX_REASON = 200
"""Characters of the reason for a refusal."""

T = TypeVar("T")

_IDENTIFIER = re.compile(limits.IDENTIFIER_PATTERN)
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


@lru_cache(maxsize=1024)
def _is_identifier(name: str) -> bool:
    """Whether a metric may be called so; remembered, as what tools call theirs hardly differs."""
    return _IDENTIFIER.match(name) is not None


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
    metrics: Annotated[dict[str, _MetricValue], Meta(max_length=limits.MAX_METRICS)]
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
        for name in self.metrics:
            if len(name) > MAX_IDENTIFIER or not _is_identifier(name):
                rule = f"Expected `str` matching regex {limits.IDENTIFIER_PATTERN!r}"
                raise ValueError(f"{rule} - at `key` in `$.metrics`")


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request, its reports not decoded yet: each is judged by itself."""

    schema: Annotated[int, Meta(ge=limits.SCHEMA, le=limits.SCHEMA)]
    reports: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=limits.MAX_BATCH)]


_Places = msgspec.defstruct(
    "_Places",
    [
        (f"place_{number}", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET)
        for number in range(limits.MAX_BATCH + 1)
    ],
    array_like=True,
)
_Few = msgspec.defstruct("_Few", [("reports", _Places, msgspec.field(default_factory=_Places))])


class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request to be forgotten."""

    secret: Annotated[str, Meta(pattern="^[0-9a-f]{64}\\Z")]


_WISH = msgspec.json.Decoder(Wish)
_BATCH = msgspec.json.Decoder(Batch)
_FEW: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Few)
_REPORT = msgspec.json.Decoder(Report)


class InvalidReport(ValueError):
    """JSON that is none or breaks a rule; the message names the field and the rule."""


def decode_batch(body: bytes) -> Batch:
    """Decode the body of a request; raises `InvalidReport`."""
    if len(body) > MAX_REPORT and _has_too_many(body):
        raise InvalidReport(f"Expected `array` of length <= {limits.MAX_BATCH} - at `$.reports`")
    return _decode(_BATCH, body)


def _has_too_many(body: bytes) -> bool:
    """Whether there are more reports than allowed, in bounded memory.

    A list is built whole before it is found too long: 70 bytes for every "1,". What comes after
    the last of these places is passed over.
    """
    last = astuple(_decode(_FEW, body).reports)[limits.MAX_BATCH]
    return last is not msgspec.UNSET


def decode_wish(body: bytes) -> Wish:
    """Decode the body of a request to be forgotten; raises `InvalidReport`."""
    return _decode(_WISH, body)


def decode_report(text: bytes | msgspec.Raw) -> Report:
    """Decode and validate one report; raises `InvalidReport`."""
    if len(text) > MAX_REPORT:
        raise InvalidReport(f"report is longer than {MAX_REPORT} bytes")
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
    if len(reason) > MAX_REASON:
        reason = f"{reason[: MAX_REASON - 1]}…"
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in reason)
