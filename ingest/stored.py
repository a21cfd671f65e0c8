"""Pages of an arrival day, as the database holds it, taken apart no further than needed."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder


class Page(Struct, frozen=True):
    """A part of an arrival day."""

    body: bytes
    """What was read."""
    children: list[Raw]
    """The same, in no order, each as JSON; what somebody wrote by hand is no report."""
    server_ms: int | None
    """When the database answered, by its own clock, ms UTC; None where it doesn't say."""

    def last(self) -> int | None:
        """The greatest ``received``, ms UTC by the database's clock; None if none has it.

        To find it takes longer than to take the page apart.
        """
        try:
            times = [arrival.received for arrival in (_arrivals(self.body) or {}).values()]
        except DecodeError:
            times = [_received(child) for child in self.children]
        last = max(times, default=-1)
        return last if last >= 0 else None


class Named(Struct, frozen=True):
    """What tells a stored report from others."""

    id: str
    install: str


class _Arrival(Struct, frozen=True, gc=False):
    received: int = -1


_split = Decoder(dict[str, Raw] | list[Raw] | None).decode
_arrivals = Decoder(dict[str, _Arrival] | None).decode
_arrival = Decoder(_Arrival).decode
_named = Decoder(Named).decode


def decode_page(body: bytes, date_header: str | None) -> Page:
    """Take apart a piece of an arrival day, as the database sends it."""
    return Page(body, _children(body), _milliseconds(date_header))


def decode_names(body: bytes) -> Iterator[Named]:
    """Decode of which report and install the children of such a piece are."""
    for child in _children(body):
        try:
            yield _named(child)
        except DecodeError:
            continue  # somebody wrote it by hand


def _children(body: bytes) -> list[Raw]:
    found = _split(body) or {}
    # Keys that count from zero, written by hand, make the database send an array.
    return found if isinstance(found, list) else list(found.values())


def _received(child: Raw) -> int:
    try:
        return _arrival(child).received
    except DecodeError:
        return -1


def _milliseconds(date_header: str | None) -> int | None:
    if date_header is None:
        return None
    return int(parsedate_to_datetime(date_header).timestamp() * 1000)
