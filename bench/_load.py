"""One sync in a process of its own, for `bench.sync`: prints what it did and what it took."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from firebase_admin import db
from requests import Response

from dashboard.sync import sync
from dashboard.warehouse import Warehouse
from ingest.store import Store

_sizes: list[int] = []


class Counting(Store):
    """A store that notes how many bytes its answers have."""

    def _ask(self, shard: int, query: db.Query) -> Response:
        answer = super()._ask(shard, query)
        _sizes.append(len(answer.content))
        return answer


def main(url: str, path: str) -> None:
    """Sync the database at an address into the warehouse at a path."""
    store = Counting.connect({"FIREBASE_DATABASE_URL": url})
    started = time.perf_counter()
    done = sync(store, Warehouse(Path(path)))
    took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"new": done.new, "seconds": took, "peak": peak, "bytes": sum(_sizes)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
