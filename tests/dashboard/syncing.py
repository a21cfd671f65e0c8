"""A sync in a process of its own, in small parts, to be cut off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dashboard.sync import sync
from dashboard.warehouse import Warehouse
from ingest.store import Store


def sync_in_small_parts(settings: Mapping[str, str]) -> None:
    """Sync with pages and parts so small that it writes all the time; no day is over yet."""
    warehouse = Warehouse(Path(settings["WALD_WAREHOUSE"]))
    then = datetime.now(UTC) - timedelta(days=5)
    sync(Store.connect(settings), warehouse, now=lambda: then, page_size=50, chunk=20_000)
