"""The order of version numbers, also of those that follow no standard."""

from __future__ import annotations

import re
from collections.abc import Iterable


def newest_first(versions: Iterable[str]) -> list[str]:
    """Sort versions, numbers by value: 2.10 before 2.9 before 2.9rc1 before 2.8."""
    return sorted(versions, key=_key, reverse=True)


def _key(version: str) -> list[tuple[int, int, str]]:
    # Numbers rank above the end, and the end above letters: 2.9.1 > 2.9 > 2.9rc1.
    parts = re.findall(r"\d+|[A-Za-z]+", version)
    key = [(2, int(part), "") if part.isdigit() else (0, 0, part.lower()) for part in parts]
    return [*key, (1, 0, "")]
