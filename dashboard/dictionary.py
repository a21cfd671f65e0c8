"""What a report says: every field of `wald.report.Report`, for who reads the tables."""

from __future__ import annotations

import pandas as pd

FIELDS = (
    ("id", "32 hex digits", "random; a report that is sent twice counts once"),
    ("app", "text, up to 64", "which tool"),
    ("install", "32 hex digits", "pseudonym; nobody can find a machine or person from it"),
    ("time", "ms since 1970, UTC", "when it happened, by the clock of the tool's machine"),
    ("kind", "run, error", "a run of the tool, or a crash of it"),
    ("operation", "text, up to 64", "what was done, such as install; may be missing"),
    ("solution", "text, up to 64", "to what, such as fail2ban; may be missing"),
    ("outcome", "ok, error, cancelled", "how it ended; may be missing"),
    ("duration_ms", "whole number, ms", "how long it took; may be missing"),
    ("error", "object", "with kind error only; holds the four fields below"),
    ("error.fingerprint", "16 hex digits", "the same for the same exception from the same place"),
    ("error.type", "text, up to 256", "class of the exception"),
    ("error.where", "text, up to 256", "module:function of the innermost frame of the tool's own"),
    ("error.sentry_event", "32 hex digits", "id of the event sent to Sentry; may be missing"),
    ("metrics", "map, up to 32", "what the tool tells of itself and its surroundings; see below"),
    ("ci", "yes or no", "run by a CI service"),
    ("dropped", "whole number", "reports this install had to drop since its last one arrived"),
)
"""Name, type, meaning. Never in a report: host or user name, paths, arguments, environment,
addresses, exception messages, local variables."""


def fields() -> pd.DataFrame:
    """field, type, meaning."""
    return pd.DataFrame(FIELDS, columns=["field", "type", "meaning"])
