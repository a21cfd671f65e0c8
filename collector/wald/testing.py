"""For an application's own tests: see what it would report, and keep its tests out of the numbers.

from wald.testing import recorded

def test_install_is_reported():
    with recorded(monitor) as reports:
        main(["install", "fail2ban"])
    assert reports[-1]["operation"] == "install"
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, overload

from .consent import Decision
from .outbox import Outbox

if TYPE_CHECKING:
    from .monitor import Monitor
    from .report import Report


class Reports(Sequence["Report"]):
    """The reports so far, oldest first."""

    def __init__(self, spool: Outbox) -> None:
        self._spool: Outbox | None = spool
        self._final: list[Report] = []

    @overload
    def __getitem__(self, index: int) -> Report: ...
    @overload
    def __getitem__(self, index: slice) -> list[Report]: ...
    def __getitem__(self, index: int | slice) -> Report | list[Report]:
        return self._now()[index]

    def __len__(self) -> int:
        return len(self._now())

    def close(self) -> None:
        """Keep what there is, for the spool goes."""
        self._final, self._spool = self._now(), None

    def _now(self) -> list[Report]:
        return self._spool.reports() if self._spool is not None else self._final


@contextmanager
def recorded(monitor: Monitor) -> Iterator[Reports]:
    """Record what *monitor* reports inside, whatever the user's or a CI's choice; send nothing.

    Errors of the collector, or of the application's use of it, are raised here and not swallowed.
    """
    before = monitor.spool, monitor.decision, monitor.strict
    with tempfile.TemporaryDirectory() as folder:
        spool = Outbox(folder)
        reports = Reports(spool)
        monitor.spool, monitor.decision, monitor.strict = spool, Decision(True, "a test"), True
        try:
            yield reports
        finally:
            reports.close()
            monitor.spool, monitor.decision, monitor.strict = before
