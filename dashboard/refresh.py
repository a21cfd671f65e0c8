"""Bringing the warehouse up to date beside the pages, which go on showing what it holds."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

from dashboard.sync import Progress, Synced, sync
from dashboard.warehouse import Warehouse
from ingest.store import Store

LOOK = 0.5
"""Seconds between looks at how far a sync of another process has come."""


@dataclass
class Refresh:
    """At most one sync at a time, in a thread of its own."""

    warehouse: Warehouse
    progress: Progress | None = None
    """How far the sync that is under way has come; None where none is."""
    result: Synced | Exception | None = None
    """What the last one did, or why it failed."""
    _over: Event = field(default_factory=Event)
    _starting: Lock = field(default_factory=Lock)

    def start(self, database: Mapping[str, str]) -> None:
        """Begin, unless one is under way; `database` is what `Store.connect` reads."""
        with self._starting:
            if self.progress is not None:
                return
            self.progress = Progress(0, 0)
            self._over = Event()
        Thread(target=self._run, args=(database,), daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Whether the one that was begun last ends within so many seconds."""
        return self._over.wait(seconds)

    def _run(self, database: Mapping[str, str]) -> None:
        try:
            self.result = self._sync(database)
        except Exception as error:  # whoever waits raises it
            self.result = error
        finally:
            self.progress = None
            self._over.set()

    def _sync(self, database: Mapping[str, str]) -> Synced:
        store = Store.connect(database)
        while True:
            try:
                return sync(store, self.warehouse, progress=self._note, wait=False)
            except BlockingIOError:  # another process, whose reports come to the same file
                state = self.warehouse.state()
                self._note(Progress(state.done, state.total))
                time.sleep(LOOK)

    def _note(self, progress: Progress) -> None:
        self.progress = progress
