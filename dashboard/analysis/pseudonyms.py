"""Who installs are, as people know it."""

from __future__ import annotations

import ibis


def digits(pseudonym: ibis.Value) -> ibis.StringValue:
    """The 32 hex digits of a pseudonym, as people know it."""
    text: ibis.StringValue = pseudonym.cast("string").replace("-", "")
    return text
