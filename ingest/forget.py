"""Forgetting an install: its reports are deleted, and none of it is taken any more.

The mark in the database comes first, so nothing is lost of a wish that was cut off half way: it
stays pending until a sweep over all days and databases is done that began `SETTLED` after the
mark. By then every instance of the function knows of it, and stores no more reports of it that
the sweep would miss. Whoever meets a mark as old as that and still pending sweeps.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from ingest.store import DatabaseUnavailable, Forgotten, Store

SETTLED_MS = 300_000
"""After so long every instance has read the marks again and ended the writes it had begun: it
believes what it read for half a minute, and a write may wait for another one that is given up after
as long, and then take as long itself; through a proxy, more than twice that."""

SWEEPERS = 8
"""Days that are swept at once; a hosted database answers after some 30 ms each."""


def sweep(store: Store, install: str) -> int:
    """Delete an install's reports from all days of all databases; returns how many there were.

    All databases: the number of them may have changed since the reports arrived.

    Raises:
        DatabaseUnavailable: one did not answer; from the others they are deleted.
    """
    deleted = 0
    failure: DatabaseUnavailable | None = None
    with ThreadPoolExecutor(SWEEPERS) as threads:
        for shard in range(len(store.shards)):
            try:
                days = store.days(shard)
                deleted += sum(
                    threads.map(partial(store.delete_install, shard, install=install), days)
                )
            except DatabaseUnavailable as error:
                failure = error
    if failure:
        raise failure
    return deleted


def finish(store: Store, marks: Iterable[Forgotten]) -> int:
    """Sweep for each of these marks that is pending and settled; returns how many were."""
    now = time.time_ns() // 1_000_000
    settled = [mark for mark in marks if mark.pending and mark.received <= now - SETTLED_MS]
    for mark in settled:
        sweep(store, mark.install)
        store.end_forgetting(mark)
    return len(settled)


def bring_home(store: Store) -> None:
    """Mark each forgotten install in the database where its reports would be stored now.

    It is another than the one that holds the mark once databases were added, and the function
    asks no other.
    """
    marks = [mark for shard in range(len(store.shards)) for mark in store.forgotten(shard)]
    at_home = {mark.install for mark in marks if mark.shard == store.shard_of(mark.install)}
    for mark in marks:
        if mark.install not in at_home:
            store.mark_forgotten(mark.install)
