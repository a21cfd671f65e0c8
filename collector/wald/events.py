"""Sentry events that wait for the sender, a file each: where to, and the envelope."""

from __future__ import annotations

import json
import os
import time

from .spool import MAX_AGE_MS, replace

MAX_EVENTS = 10
"""Events kept; the oldest go first. Their reports stay, so that no crash goes uncounted."""

MAX_BYTES = 100_000
"""Size of one event, headers included; larger ones are not kept."""


class Events:
    """The events of one install that are still to be delivered to Sentry."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def pending(self) -> bool:
        """Tell whether anything waits."""
        return bool(self._names())

    def keep(self, url: str, headers: dict[str, str], envelope: bytes) -> None:
        """Keep an envelope until the sender takes it. Raises OSError where it cannot be kept."""
        data = json.dumps({"url": url, "headers": headers}).encode() + b"\n" + envelope
        if len(data) > MAX_BYTES:
            raise OSError(f"an event of {len(data)} bytes is larger than {MAX_BYTES}")
        # Named by time, so that names in order are events in order.
        name = f"event-{time.time_ns() // 1_000_000:015d}-{os.urandom(4).hex()}"
        replace(os.path.join(self.folder, name), data)
        for old in self._names()[:-MAX_EVENTS]:
            self.drop(old)

    def oldest(self) -> str:
        """Return the name of the event that waits longest."""
        return self._names()[0]

    def read(self, name: str) -> tuple[str, dict[str, str], bytes]:
        """Return an event's request: URL, headers and body. Raises where the file is broken."""
        with open(os.path.join(self.folder, name), "rb") as file:
            head = json.loads(file.readline())
            return head["url"], head["headers"], file.read()

    def expire(self, now_ms: int) -> None:
        """Drop the events that are too old."""
        for name in self._names():
            if int(name.split("-")[1]) < now_ms - MAX_AGE_MS:
                self.drop(name)

    def drop(self, name: str) -> None:
        """Forget an event."""
        try:
            os.unlink(os.path.join(self.folder, name))
        except FileNotFoundError:
            return  # another process was faster

    def _names(self) -> list[str]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        return sorted(n for n in names if n.startswith("event-") and not n.endswith(".new"))
