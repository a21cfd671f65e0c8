"""A sync in a process of its own, in small parts, to be cut off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dashboard.sync import sync
from dashboard.warehouse import Warehouse
from ingest.store import Store


def sync_in_small_parts(settings: Mapping[str, str]) -> None:
    """Sync with pages and parts so small that it writes all the time."""
    warehouse = Warehouse(Path(settings["WALD_WAREHOUSE"]))
    sync(Store.connect(settings), warehouse, page_size=40, chunk=8_000)
