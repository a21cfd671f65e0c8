"""Bounds on what one install and one address may send; all in memory, nothing stored."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable, Mapping, Sequence

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from ingest.connection import SettingError
from ingest.windows import Windows

REQUESTS_BY_ADDRESS = RateLimitItemPerMinute(3000, namespace="address")
"""A company or a university may share an address: 50 runs of a tool a second."""

REPORTS_BY_ADDRESS = RateLimitItemPerMinute(30_000, namespace="reports")
"""A fifth of what a hosted database takes, 64 MB a minute; full requests would be ten times it."""

REQUESTS_BY_INSTALL = RateLimitItemPerMinute(120, namespace="install")
"""The collector sends once a run, and waits longer after each failure."""

NEW_INSTALLS_BY_ADDRESS = RateLimitItemPerHour(3000, namespace="new")
"""Installs not heard from this address within the hour; a migration imports history instead."""

FORGETS_BY_ADDRESS = RateLimitItemPerMinute(10, namespace="forget")
"""Each is a search through all days."""

_KNOWN = RateLimitItemPerHour(1, namespace="known")


class TooMany(Exception):
    """A limit is exceeded; nothing of the request was taken."""

    def __init__(self, what: str, retry_after: int) -> None:
        super().__init__(what)
        self.what = what
        self.retry_after = retry_after


def read_limits(environ: Mapping[str, str]) -> Limits | None:
    """Read `WALD_LIMITS`; returns None where it is off.

    Raises:
        SettingError: it is neither on nor off.
    """
    value = environ.get("WALD_LIMITS", "").strip().lower() or "on"
    if value not in ("on", "off"):
        raise SettingError(f"WALD_LIMITS is {environ['WALD_LIMITS']!r}; give on or off")
    return Limits() if value == "on" else None


class Limits:
    """Counts requests and reports by install and by address."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Nothing is counted yet.

        Args:
            clock: seconds since 1970.
        """
        self._clock = clock
        self._limiter = FixedWindowRateLimiter(Windows(clock))

    def admit_request(self, address: str) -> None:
        """Count a request; raises `TooMany`."""
        self._hit("requests from this address", REQUESTS_BY_ADDRESS, address)

    def admit_forget(self, address: str) -> None:
        """Count a wish to be forgotten; raises `TooMany`."""
        self._hit("requests to forget from this address", FORGETS_BY_ADDRESS, address)

    def admit_reports(self, installs: Sequence[str], address: str) -> None:
        """Count a request's reports, given the install of each; raises `TooMany`."""
        self._hit("reports from this address", REPORTS_BY_ADDRESS, address, len(installs))
        for install in set(installs):
            self._hit("requests of this install", REQUESTS_BY_INSTALL, install)
            if self._limiter.test(_KNOWN, address, install):
                self._hit("new installs from this address", NEW_INSTALLS_BY_ADDRESS, address)
                self._limiter.hit(_KNOWN, address, install)

    def _hit(self, what: str, limit: RateLimitItem, key: str, count: int = 1) -> None:
        if not self._limiter.hit(limit, key, cost=count):
            reset = self._limiter.get_window_stats(limit, key).reset_time
            raise TooMany(f"too many {what}", max(1, math.ceil(reset - self._clock())))


def address_of(peer: str, forwarded: str, *, in_cloud: bool) -> str:
    """Return what stands for a client's address: itself, or its IPv6 network.

    Args:
        peer: who is connected.
        forwarded: ``X-Forwarded-For``. In Google's cloud the front end puts the address it was
            called from at its end; what stands before that was sent by the client, who may write
            there what it likes. Elsewhere the header is not believed.
    """
    last = forwarded.rpartition(",")[2].strip() if in_cloud else ""
    try:
        address = ipaddress.ip_address(last or peer)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    # A subscriber has a whole /64 to choose addresses from.
    return str(ipaddress.ip_network((address, 64), strict=False))
