"""What the function took and refused, as lines of JSON that a log-based metric can sum.

Cloud Logging reads a line of JSON on standard output as a structured entry: ``severity`` and
``message`` are known to it, the rest becomes ``jsonPayload``. A line a request would cost more
than the request; each line here sums some seconds. No line names an install or an address.
"""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import sys
import threading
from collections import Counter
from typing import TextIO

from msgspec.json import encode

PERIOD = 10.0
"""Seconds that a line sums, at most."""

MAX_REASONS = 50
"""Different reasons that are told apart in one period."""

_UNKNOWN_FIELD = re.compile("unknown field `.*", re.DOTALL)  # whatever signs its name holds
_PLACE = re.compile(r" \(byte [0-9]+\)")


class Counts:
    """Counts what happened, and writes it down every `PERIOD` seconds and when asked to end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._counts: Counter[tuple[str, str]] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._ending = False

    def add(self, event: str, reason: str = "", count: int = 1) -> None:
        """Count an event: accepted, refused, limited, shed, retried, unavailable, forgotten."""
        if count == 0:
            return
        if reason:
            # What a client named must not get into a log: it may be a person's data.
            reason = _PLACE.sub("", _UNKNOWN_FIELD.sub("unknown field", reason))
        if (event, reason) not in self._counts and len(self._counts) >= MAX_REASONS:
            reason = "other"
        self._counts[event, reason] += count
        if self._ending:
            self.write()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PERIOD, self.write)

    def write(self) -> None:
        """Write down what was counted since the last time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines = [_line(event, reason, count) for (event, reason), count in self._counts.items()]
        self._counts.clear()
        self._stream.write("".join(lines))
        self._stream.flush()

    def write_before_the_end(self) -> None:
        """From SIGTERM on, write each count at once; outside the main thread there is none."""
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.getsignal(signal.SIGTERM)
        loop = asyncio.get_running_loop()

        def end(number: int, frame: object) -> None:
            self._ending = True
            loop.call_soon_threadsafe(self.write)
            if callable(before):
                before(number, frame)  # type: ignore[arg-type]

        signal.signal(signal.SIGTERM, end)


def _line(event: str, reason: str, count: int) -> str:
    fields = {"severity": "INFO", "message": f"{event} {count}", "event": event, "count": count}
    return encode({**fields, "reason": reason} if reason else fields).decode() + "\n"


class JsonFormatter(logging.Formatter):
    """A log record as a structured entry."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        return encode({"severity": record.levelname, "message": message}).decode()


def log_as_json(logger: logging.Logger) -> None:
    """Write this logger's records to standard output, as structured entries."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
