"""Tables that count the rows of others, kept up as these change.

What pages ask most is then read from thousands of rows, not from millions: see `dashboard.schema`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import duckdb

from dashboard.schema import HORIZON, LATE_MS, UNKNOWN, WEEKS_TO_NEXT


@dataclass(frozen=True)
class Count:
    """A table with rows of others counted."""

    name: str
    of: Mapping[str, str]
    """The tables counted, and which of their rows."""
    by: Mapping[str, str]
    """Columns, beside the app, and what they are in a row that is counted."""
    sums: Mapping[str, str]
    """Columns, and what each row adds; the first is not 0 as long as a row is counted."""
    along: Mapping[str, str] = field(default_factory=dict)
    """Columns that are the same in all rows with the same `by`, and what they are."""


_VISITS = {"visits": "true"}
_TOUCHING = {"before": "week_gap", "after": WEEKS_TO_NEXT}

COUNTS = (
    Count(
        "cells",
        _VISITS,
        {"day": "day", "point": "point"},
        {
            "visits": "1",
            "clean": "errors = 0",
            "last": "next_gap IS NULL",
            "clean_last": "errors = 0 AND next_gap IS NULL",
            "returned": f"coalesce(next_gap <= {HORIZON}, false)",
        },
        {"is_new": "number = 1"}
        | {name: f"coalesce({name}, '{UNKNOWN}')" for name in ("version", "os")},
    ),
    Count("pauses", _VISITS, {"day": "day", "next_gap": "next_gap"}, {"visits": "1"}),
    Count(
        "activity",
        _VISITS,
        {"week": "week", "first_week": "first_week", "version": "version"}
        | {name: f"least(coalesce({gap}, 2), 2)" for name, gap in _TOUCHING.items()},
        {"visits": "1"},
    ),
    Count("told", _VISITS, {"profile": "profile"}, {"visits": "1"}),
    Count("bundled", _VISITS, {"bundle": "bundle"}, {"visits": "1"}),
    Count(
        "losses",
        {"visits": "NOT in_ci", "visits_ci": "true"},
        {"week": "week"},
        {
            "reports": "reports",
            "installs": f"coalesce({WEEKS_TO_NEXT}, 1) > 0",
            "dropped": "dropped",
            "late": "late",
            "ci": "by_ci",
        },
    ),
    Count(
        "attempts",
        {"deployments": "true"},
        {"day": "day", "task": "task"},
        {
            "attempts": "1",
            "succeeded": "succeeded",
            "installs": "gap IS NULL",
            "solution_installs": "solution_gap IS NULL",
            "week_installs": "coalesce(week_gap, 1) > 0",
            "week_solution_installs": "coalesce(solution_week_gap, 1) > 0",
        },
    ),
    Count(
        "arrivals",
        {"reports": "true"},
        {"day": "epoch_ms(received)::DATE"},
        {
            "reports": "1",
            "errors": "failure IS NOT NULL",
            "late": f"received - time > {LATE_MS}",
            "ci": "ci",
        },
    ),
)

_CHANGED = """
CREATE TEMP TABLE changed_{name}_of_{table} AS
SELECT {keys}, {sums} FROM ({rows}) GROUP BY ALL
"""

_CHANGE = "UPDATE {name} SET {added} FROM changed_{name}_of_{table} AS changed WHERE {same}"

_NEW = """
INSERT INTO {name} BY NAME FROM changed_{name}_of_{table} AS changed ANTI JOIN {name} ON {same}
"""

_EMPTY = "DELETE FROM {name} WHERE {first} = 0"


def count_changes(
    connection: duckdb.DuckDBPyConnection, table: str, more: str, fewer: str | None = None
) -> None:
    """Count what changes in a table, into temporary tables.

    Args:
        more: a table with the rows that are new in it.
        fewer: one with the rows that are not in it any more.
    """
    for count in _counts_of(table):
        rows = _rows(count, more, table, "1")
        if fewer:
            rows += f" UNION ALL {_rows(count, fewer, table, '-1')}"
        keys = _keys(count)
        sums = ", ".join(f"coalesce(sum(n * {sum}), 0) AS {sum}" for sum in count.sums)
        words = {"name": count.name, "table": table, "keys": keys, "sums": sums, "rows": rows}
        connection.execute(_CHANGED.format(**words))


def add_changes(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Keep up what counts the rows of a table, by what `count_changes` counted."""
    for count in _counts_of(table):
        words = {
            "name": count.name,
            "table": table,
            "first": next(iter(count.sums)),
            "added": ", ".join(f"{sum} = {count.name}.{sum} + changed.{sum}" for sum in count.sums),
            "same": " AND ".join(
                f"{count.name}.{key} IS NOT DISTINCT FROM changed.{key}"
                for key in ("app", *count.by)
            ),
        }
        for statement in (_CHANGE, _NEW, _EMPTY):
            connection.execute(statement.format(**words))


def _counts_of(table: str) -> Iterator[Count]:
    return (count for count in COUNTS if table in count.of)


def count_anew(connection: duckdb.DuckDBPyConnection) -> None:
    """Count everything again."""
    for count in COUNTS:
        connection.execute(f"DELETE FROM {count.name}")
        rows = " UNION ALL ".join(_rows(count, table, table, "1") for table in count.of)
        keys = _keys(count)
        sums = ", ".join(f"coalesce(sum({sum}), 0) AS {sum}" for sum in count.sums)
        connection.execute(
            f"INSERT INTO {count.name} BY NAME SELECT {keys}, {sums} FROM ({rows}) GROUP BY ALL"
        )


def _keys(count: Count) -> str:
    return ", ".join(("app", *count.by, *count.along))


def _rows(count: Count, rows: str, table: str, n: str) -> str:
    """What is counted of rows like those of a table."""
    columns = [f"{said} AS {name}" for name, said in {**count.by, **count.along}.items()]
    columns += [f"({said})::BIGINT AS {name}" for name, said in count.sums.items()]
    return f"SELECT app, {', '.join(columns)}, {n} AS n FROM {rows} WHERE {count.of[table]}"
