"""The warehouse's tables, and taking arrived reports into them by the new reports alone.

``arrived`` holds what a sync read, see `dashboard.columns`. A merge takes what is new of it into
``reports`` and works out the visits of the installs it is about anew, so that late reports change
history as they should.
"""

from __future__ import annotations

import duckdb

_REPORT = """
    id VARCHAR, app VARCHAR, install VARCHAR, time BIGINT, day DATE, kind VARCHAR,
    operation VARCHAR, solution VARCHAR, outcome VARCHAR, duration_ms BIGINT,
    fingerprint VARCHAR, error_type VARCHAR, error_where VARCHAR, sentry_event VARCHAR,
    os VARCHAR, os_version VARCHAR, version VARCHAR, metrics MAP(VARCHAR, VARCHAR),
    ci BOOLEAN, dropped BIGINT, received BIGINT
"""

# What the last report of a visit's day says (by time, then id), null where it says nothing.
_VISIT = """
    app VARCHAR, install VARCHAR, day DATE,
    number INTEGER, gap INTEGER, next_gap INTEGER, first_day DATE, errors INTEGER,
    os VARCHAR, os_version VARCHAR, version VARCHAR, metrics MAP(VARCHAR, VARCHAR)
"""

SCHEMA = f"""
CREATE TABLE about (schema_version INTEGER, source VARCHAR);
CREATE TABLE cursors (
    shard INTEGER, day DATE, since BIGINT, closed BOOLEAN, PRIMARY KEY (shard, day)
);
CREATE TABLE forgotten (install VARCHAR, shard INTEGER, received BIGINT);
CREATE TABLE reports ({_REPORT});
CREATE TABLE visits ({_VISIT});
CREATE TABLE visits_ci ({_VISIT});
"""
"""``visits`` leaves runs by CI services out; ``visits_ci`` holds, for the installs that ever ran
in one, the visits with them."""

# One report an id, also where a retry stands under two days.
_FRESH = """
CREATE TEMP TABLE fresh AS
SELECT * FROM arrived ANTI JOIN reports USING (id)
QUALIFY row_number() OVER (PARTITION BY id ORDER BY received) = 1
"""

_TOUCHED = "CREATE TEMP TABLE touched AS SELECT DISTINCT app, install FROM fresh"

_FORGET_VISITS = """
DELETE FROM {table} USING touched
WHERE {table}.app = touched.app AND {table}.install = touched.install
"""

_WORK_OUT_VISITS = """
INSERT INTO {table} BY NAME
SELECT app, install, day,
    row_number() OVER life AS number,
    day - lag(day) OVER life AS gap,
    lead(day) OVER life - day AS next_gap,
    min(day) OVER life AS first_day,
    errors, last_one.*
FROM (
    SELECT app, install, day,
        count(*) FILTER (kind = 'error') AS errors,
        max_by({{
            'os': os, 'os_version': os_version, 'version': version, 'metrics': metrics
        }}, (time, id)) AS last_one
    FROM reports SEMI JOIN {installs} USING (app, install)
    WHERE {condition}
    GROUP BY app, install, day
)
WINDOW life AS (PARTITION BY app, install ORDER BY day)
"""

_IN_CI = """
CREATE TEMP TABLE in_ci AS
SELECT DISTINCT app, install FROM reports SEMI JOIN touched USING (app, install) WHERE ci
"""


def merge(connection: duckdb.DuckDBPyConnection) -> int:
    """Take ``arrived`` into the other tables; returns how many reports were new.

    To be called in a transaction, without which it would be half done when it is cut off.
    """
    connection.execute(_FRESH)
    rows = connection.execute("INSERT INTO reports BY NAME FROM fresh").fetchall()
    connection.execute(_TOUCHED)
    connection.execute(_IN_CI)
    for table, installs, condition in (
        ("visits", "touched", "NOT ci"),
        ("visits_ci", "in_ci", "true"),
    ):
        connection.execute(_FORGET_VISITS.format(table=table))
        connection.execute(
            _WORK_OUT_VISITS.format(table=table, installs=installs, condition=condition)
        )
    for temporary in ("fresh", "touched", "in_ci"):
        connection.execute(f"DROP TABLE {temporary}")
    return int(rows[0][0])
