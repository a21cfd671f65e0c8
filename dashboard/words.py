"""Numbers, days and names as a person says them."""

from __future__ import annotations

import html
import re
from datetime import date, timedelta

TOO_FEW = 30
"""Below this many, a share says little, and is said to."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^])")

_ADDRESS = re.compile(r"https?(?=:)|www(?=\.)|@", re.IGNORECASE)
"""Where an address begins, or the middle of one for mail."""

_JOINER = "\u2060"
"""Without width, and no part of an address."""


def count(number: float) -> str:
    """1,204 · 12.4 k · 3.1 M"""
    if abs(number) < 10_000:
        return f"{number:,.0f}"
    if abs(number) < 1_000_000:
        return f"{number / 1000:,.1f} k"
    return f"{number / 1_000_000:,.1f} M"


def counted(number: float, noun: str) -> str:
    """1 install · 1,204 installs"""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def share(part: float, base: float) -> str:
    """38 % of 412; a dash where there is no base"""
    return f"{percent(part / base)} of {count(base)}" if base else "–"


def percent(fraction: float) -> str:
    """38 %, and 1.3 % where it is small; number and sign stay in one line."""
    digits = 1 if 0 < abs(fraction) < 0.02 or 0.98 < fraction < 1 else 0
    return f"{100 * fraction:.{digits}f}\N{NO-BREAK SPACE}%"


def duration(milliseconds: float) -> str:
    """340 ms · 2.4 s · 41 s · 3.5 min"""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.1f}".removesuffix(".0") + " min"


def day(when: date) -> str:
    """12 Mar 2026"""
    return f"{when.day} {when:%b %Y}"


def ago(past: timedelta) -> str:
    """just now · 2 min ago · 3 h ago · 4 days ago"""
    minutes = int(past.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} days ago"


def system_name(family: str, version: str) -> str:
    """Ubuntu 24.04 · macOS 15.5 · Windows unknown: the family where the version names none."""
    named = version.startswith(family) or (family == "Linux" and version != "unknown")
    return version if named else f"{family} {version}"


def plain_markdown(text: str) -> str:
    """Text from outside, so that Markdown shows it and does nothing with it.

    A bare address would become a link, which no backslash prevents: it is broken by a sign that
    nobody sees.
    """
    return plain_sentence(_ADDRESS.sub(rf"\g<0>{_JOINER}", text))


def plain_sentence(text: str) -> str:
    """A sentence of our own in which somebody's words may stand, such as a setting: as
    `plain_markdown`, but an address remains one, to be copied."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def plain_text(markdown: str) -> str:
    """What `plain_markdown` was made of, for where Markdown means nothing."""
    return re.sub(r"\\(.)", r"\1", markdown).replace(_JOINER, "")


def plain_label(text: str) -> str:
    """Text from outside, so that a chart shows it and does nothing with it."""
    return html.escape(" ".join(text.split()), quote=False)
