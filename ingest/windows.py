"""Counts for rate limits, in memory: a window's counts are dropped together when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from limits.storage import Storage

MAX_COUNTS = 250_000
"""Keys of a window, some 150 bytes each; beyond that its counting starts anew."""


@dataclass
class _Window:
    ends: float
    counts: dict[str, int] = field(default_factory=dict)


class Windows(Storage):
    """Storage for the limits library.

    The library's own looks through all of its counts in a thread that it starts a hundred times
    a second, beside the requests that change them; where the two met, the thread ended with a
    traceback that named an install. Here nothing is looked through and no thread is needed.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Nothing is counted yet.

        Args:
            clock: seconds since 1970.
        """
        super().__init__()
        self._clock = clock
        self._windows: dict[int, _Window] = {}

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What the library would translate: nothing is raised here."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count; returns the sum for this key in the window of so many seconds."""
        now = self._clock()
        window = self._windows.get(expiry)
        if window is None or not now < window.ends <= now + expiry:
            # All windows of a length end together, by the clock: at full minutes, at full hours.
            window = self._windows[expiry] = _Window(now - now % expiry + expiry)
        if len(window.counts) >= MAX_COUNTS:
            window.counts.clear()
        total = window.counts[key] = window.counts.get(key, 0) + amount
        return total

    def get(self, key: str) -> int:
        """The sum for this key, 0 where nothing was counted."""
        now = self._clock()
        return sum(one.counts.get(key, 0) for one in self._windows.values() if now < one.ends)

    def get_expiry(self, key: str) -> float:
        """When this key's window ends, seconds since 1970."""
        ends = (one.ends for one in self._windows.values() if key in one.counts)
        return next(ends, self._clock())

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def reset(self) -> None:
        """Forget all counts."""
        self._windows.clear()

    def clear(self, key: str) -> None:
        """Forget a key's counts."""
        for window in self._windows.values():
            window.counts.pop(key, None)
