"""Merging by the new reports alone gives what working everything out at once gives."""

from __future__ import annotations

import random
from operator import itemgetter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.warehouse import Warehouse
from tests.dashboard.histories import contents, fill, random_reports


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), pieces=st.integers(2, 5), in_order=st.booleans())
def test_the_order_of_arrival_does_not_matter(
    tmp_path_factory: Any, seed: int, pieces: int, in_order: bool
) -> None:
    """Late reports, reports again, reports of the same day in several pieces, from CI or not."""
    draw = random.Random(seed)
    reports = random_reports(seed, installs=12, days=60)
    shuffled = draw.sample(reports, len(reports))
    if in_order:
        shuffled.sort(key=itemgetter("received"))
    cuts = sorted(draw.randrange(len(reports) + 1) for _ in range(pieces - 1))
    parts = [
        shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(reports)], strict=True)
    ]
    again = [part + draw.sample(reports, len(reports) // 4) for part in parts]
    folder = tmp_path_factory.mktemp("merge")
    assert merged(folder / "pieces.duckdb", again) == merged(folder / "once.duckdb", [reports])


def merged(path: Path, parts: list[list[dict[str, Any]]]) -> dict[str, list[Any]]:
    """What the warehouse's tables hold after merging these parts one by one."""
    warehouse = Warehouse(path)
    for part in parts:
        fill(warehouse, part)
    return contents(warehouse)
