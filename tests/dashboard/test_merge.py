"""Merging by the new reports alone gives what working everything out at once gives."""

from __future__ import annotations

import random
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from dashboard.columns import ARRIVED, add_columns
from dashboard.load import loading
from dashboard.merge import merge
from dashboard.part import Cursor
from dashboard.schema import SCHEMA
from dashboard.warehouse import Warehouse
from tests.dashboard.histories import FIRST, contents, fill, random_reports


@settings(max_examples=20, deadline=None)
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


class Explained:
    """A connection that notes the plan of each statement that it runs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.plans: dict[str, str] = {}
        self._connection = connection

    def execute(self, statement: str, *values: Any) -> duckdb.DuckDBPyConnection:
        plan = self._connection.execute(f"EXPLAIN {statement}", *values)
        self.plans[statement] = "".join(text for _, text in plan.fetchall())
        return self._connection.execute(statement, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_no_row_is_held_against_every_other() -> None:
    """Joins look rows up: what a merge takes grows with its reports, not with their square."""
    connection = duckdb.connect()
    connection.execute(SCHEMA)
    connection.execute(ARRIVED)
    seen: Any = Explained(connection)
    for seed in (1, 2):
        reports = random_reports(seed, installs=12, days=60)
        add_columns(connection, [json.encode(report) for report in reports])
        assert merge(seen)
    assert any("Hash Join" in plan for plan in seen.plans.values())
    slow = ("Blockwise Nl Join", "Nested Loop Join")
    assert not [s for s, plan in seen.plans.items() if any(join in plan for join in slow)]


def test_what_was_merged_leaves_the_memory(tmp_path: Path) -> None:
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{tmp_path}/warehouse.duckdb' AS warehouse")
    connection.execute("USE warehouse")
    connection.execute(SCHEMA)
    connection.execute(ARRIVED)
    held = []
    for seed in (1, 2, 3, 3, 3, 3):  # those after the third bring nothing new
        reports = random_reports(seed, installs=100, days=20)
        add_columns(connection, [json.encode(report) for report in reports] * 30)
        merge(connection)
        used = "SELECT sum(memory_usage_bytes) FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"
        held += connection.execute(used).fetchall()
    assert held[-1] <= held[2]


def stored(path: Path) -> tuple[int, int]:
    """Rows that the file holds of visits, deleted ones among them; and those that there are."""
    with duckdb.connect(path, read_only=True) as connection:
        held = """
        SELECT sum(count) FROM pragma_storage_info('visits')
        WHERE column_name = 'number' AND segment_type <> 'VALIDITY'
        """
        rows = f"SELECT ({held}), (SELECT count(*) FROM visits)"
        ((held_rows, visits),) = connection.execute(rows).fetchall()
    return int(held_rows), visits


def test_gaps_that_deleted_rows_leave_are_closed_once_a_day(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    reports = random_reports(1, installs=200, days=20)
    for start in range(4):
        with loading(warehouse, "test", wait=True) as load:
            load.add(json.encode(report) for report in reports[start::4])
            load.note(Cursor(0, FIRST, start))
            load.finish()
    held, visits = stored(warehouse.path)
    assert held > visits
    with loading(warehouse, "test", wait=True) as load:
        load.note(Cursor(0, FIRST, closed=True))
        load.publish()
        load.add([json.encode(random_reports(2, installs=1, days=20)[0])])
        load.finish()
    held, visits = stored(warehouse.path)
    assert held == visits
