"""The spool as the sender sees it: reads what waits, and takes it away."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .spool import MAX_AGE_MS, Lock, Spool, from_line, replace, split, to_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .report import Report


class Outbox(Spool):
    """The spool of one install, to read and to remove from. The tool itself needs it seldom."""

    def reports(self) -> list[Report]:
        """Return what waits, oldest first."""
        with Lock(self.folder):
            return [report for line in self._read() if (report := from_line(line))]

    def remove(self, ids: Collection[str]) -> None:
        """Forget the delivered reports with these *ids*."""

        def without(reports: list[Report]) -> list[Report]:
            kept = [report for report in reports if report["id"] not in ids]
            # Some may have been shed while they were on their way: they were not lost after all.
            arrived = len(ids) - (len(reports) - len(kept))
            for report in kept:
                found = min(arrived, report["dropped"])
                report["dropped"] -= found
                arrived -= found
            return kept

        self._change(without)

    def expire(self, now_ms: int) -> None:
        """Shed reports that are too old; the youngest report left counts them, and all the lost.

        Where none is left, the next one will.
        """
        expired = 0

        def fresh(reports: list[Report]) -> list[Report]:
            nonlocal expired
            kept = [report for report in reports if report["time"] >= now_ms - MAX_AGE_MS]
            old = (report for report in reports if report["time"] < now_ms - MAX_AGE_MS)
            expired = sum(1 + report["dropped"] for report in old)
            if kept:
                kept[-1]["dropped"] += expired + self._take_lost()
                expired = 0
            return kept

        self._change(fresh)
        if expired:
            self.lose(expired)

    def _take_lost(self) -> int:
        """Return how many were lost, and forget it."""
        try:
            number = os.stat(self.lost).st_size
            os.unlink(self.lost)
        except FileNotFoundError:
            return 0
        return number

    def _change(self, change: Callable[[list[Report]], list[Report]]) -> None:
        with Lock(self.folder):
            reports = [report for line in self._read() if (report := from_line(line))]
            self._write([to_line(report) for report in change(reports)])

    def _read(self) -> list[bytes]:
        try:
            with open(self.path, "rb") as file:
                return split(file.read())
        except FileNotFoundError:
            return []

    def _write(self, lines: list[bytes]) -> None:
        if lines:
            replace(self.path, b"".join(lines))
        elif os.path.exists(self.path):
            os.unlink(self.path)
