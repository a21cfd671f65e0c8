"""Taking arrived reports into the warehouse's tables, by the new reports alone.

``arrived`` holds what a sync read, see `dashboard.columns`. What is new of it goes into
``reports``, and what may change by it is worked out anew: of each install that it is about, what
lies on the first day of the new reports or later, and the visit before. So late reports change
history as they should, and those of today cost no look at all that came before.

All that is worked out stands in temporary tables first, while others may read the warehouse:
``new_visits`` and the like are to be added, the rows that ``old_visits`` and the like name are to
be deleted. DuckDB is also a third faster at it outside a transaction that writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from dashboard import adoptions, journeys, lives
from dashboard.columns import ARRIVED
from dashboard.counts import add_changes, count_anew, count_changes
from dashboard.numbering import NUMBERED, every, numbered, same
from dashboard.schema import LATE_MS

# One report an id, also where a retry stands under two days.
_KNOWN = "DELETE FROM arrived WHERE id IN (SELECT id FROM reports)"

_DOUBLE = """
DELETE FROM arrived WHERE rowid IN (
    SELECT rowid FROM arrived
        SEMI JOIN (SELECT id FROM arrived GROUP BY id HAVING count(*) > 1) USING (id)
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY received) > 1
)
"""

_NOTHING_NEW = "CREATE TEMP TABLE new_{table} AS FROM {table} LIMIT 0"

# Metrics become text: text as it is, numbers and booleans as JSON writes them. They are compared
# by a digest of 128 bits.
_PROFILED = """
CREATE TEMP TABLE profiled AS
SELECT *, md5_number(map::VARCHAR) AS digest
FROM (
    SELECT metrics,
        coalesce(TRY(json_transform(metrics, '"MAP(VARCHAR, VARCHAR)"')), MAP {}) AS map
    FROM (SELECT DISTINCT metrics FROM arrived)
)
"""

_NEW_PROFILES = """
INSERT INTO new_profiles BY NAME
SELECT (SELECT coalesce(max(profile), 0) FROM profiles)
        + row_number() OVER (ORDER BY digest) AS profile,
    digest, map AS metrics,
    map['os'] AS os, map['os_version'] AS os_version, map['package_version'] AS version
FROM (
    SELECT digest, any_value(map) AS map
    FROM profiled ANTI JOIN profiles USING (digest) GROUP BY digest
)
"""

# Each install that the new reports are about, and the first of their days.
_NAMED = """
CREATE TEMP TABLE named AS
SELECT app, pseudonym, min(day) AS since, bool_or(ci) AS by_ci
FROM arrived GROUP BY app, pseudonym
"""

_NEW_INSTALLS = """
INSERT INTO new_installs BY NAME
SELECT (SELECT coalesce(max(install), 0) FROM installs) + row_number() OVER () AS install,
    app, pseudonym, ('0x' || substr(pseudonym::VARCHAR, 10, 4))::INTEGER AS lot
FROM named ANTI JOIN installs USING (app, pseudonym)
"""

_TOUCHED = f"""
CREATE TEMP TABLE touched AS
SELECT install, named.*, by_ci OR install IN (SELECT install FROM visits_ci) AS in_ci
FROM named JOIN {every("installs")} USING (app, pseudonym)
"""

# Its whole life is to be copied to the tables with CI.
_FIRST_IN_CI = """
UPDATE touched SET since = DATE '1970-01-01' WHERE install IN (
    SELECT install FROM visits
    SEMI JOIN (FROM touched ANTI JOIN visits_ci USING (install) WHERE by_ci) USING (install)
)
"""

_NEW_CALLS = numbered("calls", "arrived")
_NEW_FAILURES = numbered("failures", "arrived WHERE kind = 'error'")

# The new reports, and what may change of these installs' older ones. These lie in the order in
# which they arrived, so the least of the days spares reading most of the table.
_THEIRS = f"""
CREATE TEMP TABLE theirs AS
SELECT arrived.* EXCLUDE (
        metrics, pseudonym, kind, operation, solution, outcome,
        fingerprint, error_type, error_where
    ), install, call, CASE WHEN kind = 'error' THEN failure END AS failure,
    profile, os, version, true AS is_new
FROM arrived JOIN touched USING (app, pseudonym) JOIN (
    SELECT profiled.metrics, profile, os, version
    FROM profiled JOIN {every("profiles")} USING (digest)
) USING (metrics)
    JOIN {every("calls")} AS calls ON {same("arrived", "calls")}
    LEFT JOIN {every("failures")} AS failures ON {same("arrived", "failures")}
UNION ALL BY NAME
SELECT reports.*, os, version, false AS is_new
FROM reports JOIN touched USING (install) JOIN profiles USING (profile)
WHERE day >= since AND day >= ?
"""

_RUNS = "FROM theirs WHERE is_new AND failure IS NULL"
_NEW_TASKS = numbered(
    "tasks", f"{every('calls')} SEMI JOIN ({_RUNS}) USING (call) WHERE solution IS NOT NULL"
)

# Numbers are compared faster than times and ids.
_PLACES = """
CREATE TEMP TABLE places AS
SELECT rowid AS report, row_number() OVER (ORDER BY time, id)::INTEGER AS place FROM theirs
"""

_TOLD = f"""
SELECT theirs.*, report, place, failure IS NOT NULL AS failed, received - time > {LATE_MS} AS late
FROM theirs JOIN places ON report = theirs.rowid
"""
_BY_PEOPLE = f"({_TOLD} WHERE NOT ci)"
_WITH_CI = f"({_TOLD} WHERE install IN (SELECT install FROM touched_ci))"

_KEEP = """
INSERT INTO reports BY NAME SELECT * EXCLUDE (os, version, is_new) FROM theirs WHERE is_new
"""


def merge(connection: duckdb.DuckDBPyConnection) -> int:
    """Take ``arrived`` into the other tables; returns how many reports were new."""
    with worked_out(connection) as new:
        if new:
            connection.begin()
            take_in(connection)
            connection.commit()
    return new


@contextmanager
def worked_out(connection: duckdb.DuckDBPyConnection) -> Iterator[int]:
    """Work out what ``arrived``, which is emptied, changes; yields how many reports are new.

    It stands in temporary tables, for the length of a block.
    """
    before = _temporary(connection)
    yield _work_out(connection)
    for table in _temporary(connection) - before:
        connection.execute(f"DROP TABLE temp.{table}")


def take_in(connection: duckdb.DuckDBPyConnection) -> None:
    """Change the warehouse as was worked out of some new reports, in a transaction of the
    caller's."""
    connection.execute(_KEEP)
    for table in NUMBERED:
        connection.execute(f"INSERT INTO {table} BY NAME FROM new_{table}")
    add_changes(connection, "reports")
    for suffix in ("", "_ci"):
        lives.put_in_place(connection, suffix)
    adoptions.put_in_place(connection)
    journeys.put_in_place(connection)


def _work_out(connection: duckdb.DuckDBPyConnection) -> int:
    connection.execute(_KNOWN)
    connection.execute(_DOUBLE)
    new = connection.execute("SELECT count(*) FROM arrived").fetchall()[0][0]
    if not new:
        connection.execute(ARRIVED)
        return 0
    for table in NUMBERED:
        connection.execute(_NOTHING_NEW.format(table=table))
    connection.execute(_PROFILED)
    connection.execute(_NEW_PROFILES)
    connection.execute(_NAMED)
    connection.execute(_NEW_INSTALLS)
    connection.execute(_TOUCHED)
    connection.execute(_FIRST_IN_CI)
    connection.execute(_NEW_CALLS)
    connection.execute(_NEW_FAILURES)
    since = connection.execute("SELECT min(since) FROM touched").fetchall()[0][0]
    connection.execute(_THEIRS, [since])
    connection.execute(_PLACES)
    connection.execute(ARRIVED)
    connection.execute(_NEW_TASKS)
    count_changes(connection, "reports", "(FROM theirs WHERE is_new)")
    lives.work_out(connection, "", "touched", _BY_PEOPLE, since)
    adoptions.work_out(connection)
    journeys.work_out(connection)
    connection.execute("CREATE TEMP TABLE touched_ci AS FROM touched WHERE in_ci")
    lives.work_out(connection, "_ci", "touched_ci", _WITH_CI, since)
    return int(new)


def _temporary(connection: duckdb.DuckDBPyConnection) -> set[str]:
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE temporary")
    return {name for (name,) in tables.fetchall()}


_TABLES_OF_INSTALLS = """
SELECT table_name FROM duckdb_columns()
WHERE database_name = current_database() AND column_name = 'install' AND data_type = 'INTEGER'
"""

_NUMBERS = "SELECT list(install) FROM installs WHERE pseudonym IN (SELECT unnest(?::UUID[]))"

_FORGET_INSTALLS = "DELETE FROM {table} WHERE install IN (SELECT unnest(?::INTEGER[]))"

# What is numbered, and by which tables.
_NUMBERED_BY = {
    "profile": ("reports",),
    "call": ("reports",),
    "failure": ("reports",),
    "point": ("visits", "visits_ci"),
    "bundle": ("visits", "visits_ci"),
    "task": ("deployments", "deployments_ci"),
}


def forget(connection: duckdb.DuckDBPyConnection, pseudonyms: Sequence[str]) -> None:
    """Delete what the tables hold of installs, and what they told that no other tells."""
    numbers = connection.execute(_NUMBERS, [list(pseudonyms)]).fetchall()[0][0] or []
    for (table,) in connection.execute(_TABLES_OF_INSTALLS).fetchall():
        connection.execute(_FORGET_INSTALLS.format(table=table), [numbers])
    for number, tables in _NUMBERED_BY.items():
        used = " UNION ".join(
            f"SELECT {number} FROM {table} WHERE {number} IS NOT NULL" for table in tables
        )
        connection.execute(f"DELETE FROM {number}s WHERE {number} NOT IN ({used})")
    count_anew(connection)
