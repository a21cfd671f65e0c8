"""Days as whole numbers since 1970-01-01 (UTC): what the simulation counts in."""

from __future__ import annotations

from datetime import date

DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1).toordinal()


def number_of(day: date) -> int:
    """Days from 1970-01-01 to the day."""
    return day.toordinal() - _EPOCH


def weekday(day: int) -> int:
    """Monday is 0; 1970-01-01 was a Thursday."""
    return (day + 3) % 7


def monday(day: int) -> int:
    """First day of the day's week."""
    return day - weekday(day)


def iso(day: int) -> str:
    """The day as ``YYYY-MM-DD``."""
    return date.fromordinal(day + _EPOCH).isoformat()


def month(day: int) -> str:
    """The day's month as ``YYYY-MM``."""
    return iso(day)[:7]
