"""One sync in a process of its own, for `bench.sync`: prints what it did and what it took."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

from firebase_admin import db

from dashboard.sync import sync
from dashboard.warehouse import Warehouse
from ingest.calls import Selection
from ingest.store import Store

_sizes: list[int] = []


class Counting(Store):
    """A store that notes how many bytes its answers have."""

    def _ask(self, shard: int, query: db.Query) -> Selection:
        found = super()._ask(shard, query)
        _sizes.append(len(found.body))
        return found


def peak_memory() -> int:
    """Bytes that this process held at most.

    Not by `resource.getrusage`: Linux counts what the parent held when it started the process.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def main(url: str, path: str) -> None:
    """Sync the database at an address into the warehouse at a path."""
    store = Counting.connect({"FIREBASE_DATABASE_URL": url})
    started = time.perf_counter()
    done = sync(store, Warehouse(Path(path)))
    took = time.perf_counter() - started
    told = {"new": done.new, "seconds": took, "peak": peak_memory(), "bytes": sum(_sizes)}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
