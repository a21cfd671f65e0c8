"""Numbering what many rows share, as it comes: see `dashboard.schema`.

A merge adds to each numbered table what its temporary namesake, ``new_…``, holds.
"""

from __future__ import annotations

NUMBERED = {
    "installs": ("app", "pseudonym"),
    "profiles": ("digest",),
    "calls": ("operation", "solution", "outcome"),
    "failures": ("fingerprint", "error_type", "error_where"),
    "points": ("month", "version", "os", "number_bin", "gap_bin"),
    "bundles": ("solutions",),
    "tasks": ("solution", "operation"),
}
"""The numbered tables, each with the columns of which no two rows say the same. The number stands
in a column of the table's name without its last letter."""


def every(table: str) -> str:
    """SQL of a numbered table, with what a merge adds to it."""
    return f"(FROM {table} UNION ALL FROM new_{table})"


def same(one: str, table: str) -> str:
    """SQL of the condition that a row of one table says the same as that of a numbered one."""
    return " AND ".join(
        f"{one}.{name} IS NOT DISTINCT FROM {table}.{name}" for name in NUMBERED[table]
    )


def numbered(table: str, rows: str) -> str:
    """SQL that adds to a numbered table what these rows say, and it doesn't hold yet."""
    number, columns = table[:-1], ", ".join(NUMBERED[table])
    return f"""
        INSERT INTO new_{table} BY NAME
        SELECT (SELECT coalesce(max({number}), 0) FROM {every(table)})
            + row_number() OVER (ORDER BY {columns}) AS {number}, told.*
        FROM (SELECT DISTINCT {columns} FROM {rows}) AS told
            ANTI JOIN {every(table)} AS {table} ON {same("told", table)}
    """
