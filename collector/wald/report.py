"""The report: what one run or one crash of a tool says about itself, on its way to the dashboard.

A report is a plain dictionary of JSON values, so that building one costs the tool nothing. Its
shape stands here once, with the limits that the tool keeps to and the ingest function enforces.
"""

import os
import time

SCHEMA = 1
"""Version of the request body that carries reports: ``{"schema": 1, "reports": [...]}``."""

MAX_BATCH = 500
"""Reports in one request."""

MAX_TEXT = 64
"""Characters of ``operation`` and ``solution``."""

MAX_ERROR_TEXT = 256
"""Characters of an error's ``type`` and ``where``."""

MAX_METRICS = 32
"""Metrics in one report."""

MAX_METRIC_TEXT = 128
"""Characters of a metric whose value is text."""

MAX_NUMBER = 2**53 - 1
"""The largest integer that every JSON reader on the way keeps exactly (RFC 8259, section 6)."""

# \Z, not $: a dollar would let a newline through at the end.
APP_PATTERN = "^[a-z0-9][a-z0-9_-]{0,63}\\Z"
IDENTIFIER_PATTERN = "^[A-Za-z][A-Za-z0-9_-]{0,63}\\Z"
ID_PATTERN = "^[0-9a-f]{32}\\Z"
FINGERPRINT_PATTERN = "^[0-9a-f]{16}\\Z"

# Types are for checkers only: importing typing alone would cost the tool more than a report does.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, NotRequired, TypedDict

    Kind = Literal["run", "error"]
    Outcome = Literal["ok", "error", "cancelled"]
    MetricValue = str | int | float | bool

    class ErrorInfo(TypedDict):
        """What is known of a crash: never its message, its arguments or a path."""

        fingerprint: str
        """16 hex digits, the same for the same exception from the same place."""
        type: str
        """Class of the exception."""
        where: str
        """``module:function`` of the innermost frame of the application's own code."""
        sentry_event: NotRequired[str]
        """Id of the event sent to Sentry, 32 hex digits."""

    class Report(TypedDict):
        """One report, as it stands in the spool, in a request and in the database."""

        id: str
        """32 random hex digits: sent twice, it counts once."""
        app: str
        install: str
        """Pseudonym of the install, see `pseudonym`."""
        time: int
        """Milliseconds since 1970 (UTC) by the clock of the tool's machine."""
        kind: Kind
        operation: NotRequired[str]
        solution: NotRequired[str]
        outcome: NotRequired[Outcome]
        duration_ms: NotRequired[int]
        error: NotRequired[ErrorInfo]
        """Present with kind ``error``, and only there."""
        metrics: dict[str, MetricValue]
        ci: bool
        dropped: int
        """Reports this install had to drop since its last delivered one."""


def make(
    kind: "Kind", app: str, install: str, metrics: "dict[str, MetricValue]", ci: bool
) -> "Report":
    """Make the report of something that happened now."""
    return {
        "id": os.urandom(16).hex(),
        "app": app,
        "install": install,
        "time": time.time_ns() // 1_000_000,
        "kind": kind,
        "metrics": metrics,
        "ci": ci,
        "dropped": 0,
    }


def sendable(text: str, limit: int) -> str:
    """Cut *text* to *limit* characters that every JSON reader takes.

    A command-line argument in another encoding holds half characters (PEP 383): they become ?.
    """
    cut = text[:limit]
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode("utf-8")


def pseudonym(secret: bytes) -> str:
    """Name an install without naming its machine or user.

    Returns 32 hex digits: the first 16 bytes of SHA-256 over the install's random 32-byte
    secret. Whoever knows the secret can prove that the pseudonym is theirs; nobody can find the
    secret from the pseudonym.
    """
    from hashlib import sha256  # a few ms, needed once in an install's life

    return sha256(secret).hexdigest()[:32]
