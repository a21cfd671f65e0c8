"""Waiting for what another process does, on a machine that has other things to do."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 90.0
"""Seconds after which it will not come."""


def until(seen: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Look again and again until `seen` says yes; returns whether it ever did."""
    given_up = time.monotonic() + patience
    while not (there := seen()) and time.monotonic() < given_up:
        time.sleep(0.05)
    return there
