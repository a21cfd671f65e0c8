"""The warehouse's tables, and taking arrived reports into them by the new reports alone.

``arrived`` holds what a sync read, see `dashboard.columns`. A merge takes what is new of it into
``reports`` and works out anew what may change by it: of each install that it is about, what lies on
the first day of the new reports or later, and the visit before. So late reports change history as
they should, and those of today cost no look at all that came before.

What many rows share stands in a table of its own, numbered as it comes: a report's metrics in
``profiles``, a visit's place in its install's life in ``points``, a solution and an operation in
``tasks``. To count by one of them is to count small numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

_REPORT = """
    id UUID, app VARCHAR, install UUID, time BIGINT, day DATE, kind VARCHAR,
    operation VARCHAR, solution VARCHAR, outcome VARCHAR, duration_ms BIGINT,
    fingerprint VARCHAR, error_type VARCHAR, error_where VARCHAR, sentry_event VARCHAR,
    os VARCHAR, version VARCHAR, profile INTEGER, ci BOOLEAN, dropped BIGINT, received BIGINT
"""

# Gaps in days, and in weeks from Monday to Monday. The profile, and with it OS and version, is
# that of the day's last report (by time, then id).
_VISIT = """
    app VARCHAR, install UUID, day DATE, week DATE, number INTEGER,
    gap INTEGER, next_gap INTEGER, next_day DATE, week_gap INTEGER, next_week_gap INTEGER,
    first_day DATE, first_week DATE, errors INTEGER,
    os VARCHAR, version VARCHAR, profile INTEGER, point INTEGER
"""

# A run report that names a solution. Gaps to the install's report before: of the same task, and of
# the same solution, 0 where both lie on one day or in one week.
_DEPLOYMENT = """
    app VARCHAR, install UUID, day DATE, week DATE, task INTEGER, succeeded BOOLEAN,
    gap INTEGER, week_gap INTEGER, solution_gap INTEGER, solution_week_gap INTEGER,
    os VARCHAR, version VARCHAR, profile INTEGER
"""

SCHEMA = f"""
CREATE TABLE about (schema_version INTEGER, source VARCHAR);
CREATE TABLE cursors (
    shard INTEGER, day DATE, since BIGINT, closed BOOLEAN, PRIMARY KEY (shard, day)
);
CREATE TABLE forgotten (install VARCHAR, shard INTEGER, received BIGINT);
CREATE TABLE reports ({_REPORT});
CREATE TABLE errors ({_REPORT});
CREATE TABLE visits ({_VISIT});
CREATE TABLE visits_ci ({_VISIT});
CREATE TABLE deployments ({_DEPLOYMENT});
CREATE TABLE deployments_ci ({_DEPLOYMENT});
CREATE TABLE profiles (
    profile INTEGER, digest UHUGEINT, os VARCHAR, os_version VARCHAR, version VARCHAR,
    metrics MAP(VARCHAR, VARCHAR)
);
CREATE TABLE points (
    point INTEGER, number_bin INTEGER, gap_bin INTEGER, version VARCHAR, os VARCHAR, month DATE
);
CREATE TABLE tasks (task INTEGER, solution VARCHAR, operation VARCHAR);
CREATE TABLE several_os (app VARCHAR, install UUID);
"""
"""``visits`` and ``deployments`` leave runs by CI services out; ``visits_ci`` and
``deployments_ci`` hold, for the installs that ever ran in one, all with them. ``errors`` repeats
the reports of kind error. ``several_os`` names the installs that ever reported from more than one
OS family: within a family, the gaps of all others are those that stand in ``visits``."""

# One report an id, also where a retry stands under two days. What bears no id or install as
# reports do was written by hand, and is none. Metrics are compared by a digest of 128 bits.
_FRESH = """
CREATE TEMP TABLE fresh AS
SELECT id, arg_min(row, received) AS row, arg_min(digest, received) AS digest
FROM (
    SELECT try_cast(id AS UUID) AS id, rowid AS row, received,
        md5_number(metrics::VARCHAR) AS digest
    FROM arrived WHERE try_cast(install AS UUID) IS NOT NULL
) ANTI JOIN reports USING (id)
WHERE id IS NOT NULL
GROUP BY id
"""

_NEW_PROFILES = """
INSERT INTO profiles BY NAME
SELECT (SELECT coalesce(max(profile), 0) FROM profiles)
        + row_number() OVER (ORDER BY digest) AS profile,
    digest, os, os_version, version, metrics
FROM (SELECT digest, min(row) AS row FROM fresh ANTI JOIN profiles USING (digest) GROUP BY digest)
    JOIN arrived ON arrived.rowid = row
"""

_NEW_REPORTS = """
INSERT INTO {table} BY NAME
SELECT arrived.* EXCLUDE (os_version, metrics)
        REPLACE (fresh.id AS id, arrived.install::UUID AS install),
    profile
FROM arrived JOIN fresh ON arrived.rowid = fresh.row JOIN profiles USING (digest)
WHERE {condition}
"""

# Each install that the new reports are about, and the first of their days.
_TOUCHED = """
CREATE TEMP TABLE touched AS
SELECT app, install::UUID AS install, min(day) AS since, bool_or(ci) AS by_ci
FROM arrived JOIN fresh ON arrived.rowid = fresh.row
GROUP BY ALL
"""

# Its whole life is to be copied to the tables with CI.
_FIRST_IN_CI = """
UPDATE touched SET since = DATE '1970-01-01' FROM (
    SELECT app, install FROM visits
        SEMI JOIN (
            FROM touched ANTI JOIN visits_ci USING (app, install) WHERE by_ci
        ) USING (app, install)
) AS first WHERE touched.app = first.app AND touched.install = first.install
"""

_NEW_TASKS = """
INSERT INTO tasks BY NAME
SELECT (SELECT count(*) FROM tasks) + row_number() OVER (ORDER BY solution, operation) AS task, *
FROM (
    SELECT DISTINCT solution, operation FROM arrived ANTI JOIN tasks
        ON arrived.solution = tasks.solution
        AND arrived.operation IS NOT DISTINCT FROM tasks.operation
    WHERE kind = 'run' AND solution IS NOT NULL
)
"""

# What may change of these installs' reports, read once and narrow. They lie in the order in which
# they arrived, so the least of the days spares reading most of the table.
_THEIRS = """
CREATE TEMP TABLE theirs AS
SELECT app, install, id, time, day, ci, profile, kind = 'error' AS failed, os, version,
    coalesce(outcome = 'ok', false) AS succeeded, CASE WHEN kind = 'run' THEN task END AS task,
    tasks.solution
FROM reports JOIN touched USING (app, install)
    LEFT JOIN tasks ON reports.solution = tasks.solution
    AND reports.operation IS NOT DISTINCT FROM tasks.operation
WHERE day >= since AND day >= ?
"""

_IN_CI = """
CREATE TEMP TABLE in_ci AS
FROM touched WHERE by_ci OR (app, install) IN (SELECT (app, install) FROM visits_ci)
"""

_FORGET = "DELETE FROM {table} WHERE rowid IN (SELECT row FROM {rows})"

# The visit before the first of the new days, and all after it.
_KNOWN_VISITS = """
CREATE TEMP TABLE known_visits AS
SELECT visits.rowid AS row, day < since AS stays,
    app, install, day, number, gap, first_day, errors, os, profile
FROM {table} AS visits JOIN {installs} USING (app, install)
WHERE next_day IS NULL OR next_day >= since
"""

_SEVERAL_OS = """
INSERT INTO several_os
SELECT app, install FROM (
    SELECT app, install, os FROM theirs
    UNION ALL SELECT app, install, os FROM known_visits WHERE stays
) ANTI JOIN several_os USING (app, install)
GROUP BY app, install HAVING count(DISTINCT coalesce(os, '')) > 1
"""

_LIVES = """
CREATE TEMP TABLE lives AS
WITH days AS (
    SELECT app, install, day,
        count(*) FILTER (failed) AS errors, arg_max(profile, (time, id)) AS profile,
        NULL AS known_number, NULL AS known_gap, NULL AS known_first_day
    FROM theirs SEMI JOIN {installs} USING (app, install)
    WHERE {condition}
    GROUP BY app, install, day
    UNION ALL
    SELECT app, install, day, errors, profile, number, gap, first_day
    FROM known_visits WHERE stays
), numbered AS (
    SELECT app, install, day, errors, profile, date_trunc('week', day)::DATE AS week,
        row_number() OVER life + coalesce(first(known_number) OVER life - 1, 0) AS number,
        coalesce(first(known_first_day) OVER life, first(day) OVER life) AS first_day,
        coalesce(lag(day) OVER life, day - known_gap) AS last_day,
        lead(day) OVER life AS next_day
    FROM days WINDOW life AS (PARTITION BY app, install ORDER BY day)
)
SELECT numbered.*, os, version,
    day - last_day AS gap, next_day - day AS next_gap,
    (week - date_trunc('week', last_day)::DATE) // 7 AS week_gap,
    (date_trunc('week', next_day)::DATE - week) // 7 AS next_week_gap,
    date_trunc('week', first_day)::DATE AS first_week,
    -- Each bin by the least that it holds.
    CASE WHEN number <= 2 THEN number WHEN number <= 5 THEN 3 WHEN number <= 10 THEN 6
        WHEN number <= 20 THEN 11 WHEN number <= 50 THEN 21 ELSE 51 END AS number_bin,
    CASE WHEN gap IS NULL THEN 0 WHEN gap <= 1 THEN 1 WHEN gap <= 3 THEN 2 WHEN gap <= 7 THEN 4
        WHEN gap <= 14 THEN 8 WHEN gap <= 30 THEN 15 ELSE 31 END AS gap_bin,
    date_trunc('month', day)::DATE AS month
FROM numbered JOIN profiles USING (profile)
"""

_SAME_POINT = """
    {0}.number_bin = {1}.number_bin AND {0}.gap_bin = {1}.gap_bin AND {0}.month = {1}.month
    AND {0}.version IS NOT DISTINCT FROM {1}.version AND {0}.os IS NOT DISTINCT FROM {1}.os
"""

_NEW_POINTS = f"""
INSERT INTO points BY NAME
SELECT (SELECT count(*) FROM points) + row_number() OVER (
        ORDER BY month, version, os, number_bin, gap_bin
    ) AS point, * FROM (
    SELECT DISTINCT number_bin, gap_bin, version, os, month
    FROM lives ANTI JOIN points ON {_SAME_POINT.format("lives", "points")}
)
"""

_NEW_VISITS = f"""
INSERT INTO {{table}} BY NAME
SELECT lives.* EXCLUDE (last_day, number_bin, gap_bin, month), point
FROM lives JOIN points ON {_SAME_POINT.format("lives", "points")}
"""

_KNOWN_DEPLOYMENTS = """
CREATE TEMP TABLE known_deployments AS
SELECT deployments.rowid AS row, day < since AS stays, app, install, day, task
FROM {table} AS deployments JOIN {installs} USING (app, install)
"""

# Of what stays, the last of each task comes first, without a time.
_NEW_DEPLOYMENTS = """
INSERT INTO {table} BY NAME
SELECT * EXCLUDE (last_day, last_solution_day),
    day - last_day AS gap,
    (week - date_trunc('week', last_day)::DATE) // 7 AS week_gap,
    day - last_solution_day AS solution_gap,
    (week - date_trunc('week', last_solution_day)::DATE) // 7 AS solution_week_gap
FROM (
    SELECT * EXCLUDE (time, id, solution), date_trunc('week', day)::DATE AS week,
        lag(day) OVER (
            PARTITION BY app, install, task ORDER BY time NULLS FIRST, day, id
        ) AS last_day,
        lag(day) OVER (
            PARTITION BY app, install, solution ORDER BY time NULLS FIRST, day, id
        ) AS last_solution_day,
    FROM (
        SELECT app, install, task, solution, day, time, id, succeeded, os, version, profile
        FROM theirs SEMI JOIN {installs} USING (app, install)
        WHERE task IS NOT NULL AND {condition}
        UNION ALL BY NAME
        SELECT app, install, task, solution, max(day) AS day
        FROM known_deployments JOIN tasks USING (task)
        WHERE stays
        GROUP BY app, install, task, solution
    )
    QUALIFY time IS NOT NULL
)
"""


def merge(connection: duckdb.DuckDBPyConnection) -> int:
    """Take ``arrived`` into the other tables; returns how many reports were new.

    To be called in a transaction, without which it would be half done when it is cut off.
    """
    connection.execute(_FRESH)
    connection.execute(_NEW_PROFILES)
    rows = connection.execute(_NEW_REPORTS.format(table="reports", condition="true")).fetchall()
    connection.execute(_NEW_REPORTS.format(table="errors", condition="kind = 'error'"))
    connection.execute(_TOUCHED)
    connection.execute(_FIRST_IN_CI)
    connection.execute(_NEW_TASKS)
    since = connection.execute("SELECT min(since) FROM touched").fetchall()[0][0]
    connection.execute(_THEIRS, [since])
    connection.execute(_IN_CI)
    _work_out_anew(connection, "", "touched", "NOT ci")
    _work_out_anew(connection, "_ci", "in_ci", "true")
    for temporary in ("fresh", "touched", "theirs", "in_ci"):
        connection.execute(f"DROP TABLE {temporary}")
    return int(rows[0][0])


def _work_out_anew(
    connection: duckdb.DuckDBPyConnection, suffix: str, installs: str, condition: str
) -> None:
    """Visits and deployments of the installs touched, from the reports on a condition."""
    chosen = {"installs": installs, "condition": condition}
    visits, deployments = {"table": f"visits{suffix}"}, {"table": f"deployments{suffix}"}
    connection.execute(_KNOWN_VISITS.format(**visits, **chosen))
    connection.execute(_SEVERAL_OS)
    connection.execute(_FORGET.format(**visits, rows="known_visits"))
    connection.execute(_LIVES.format(**chosen))
    connection.execute(_NEW_POINTS)
    connection.execute(_NEW_VISITS.format(**visits))
    connection.execute(_KNOWN_DEPLOYMENTS.format(**deployments, **chosen))
    connection.execute(_FORGET.format(**deployments, rows="known_deployments WHERE NOT stays"))
    connection.execute(_NEW_DEPLOYMENTS.format(**deployments, **chosen))
    for temporary in ("known_visits", "lives", "known_deployments"):
        connection.execute(f"DROP TABLE {temporary}")


_TABLES_OF_INSTALLS = """
SELECT table_name FROM duckdb_columns()
WHERE database_name = current_database() AND column_name = 'install' AND data_type = 'UUID'
"""

_FORGET_INSTALLS = "DELETE FROM {table} WHERE install IN (SELECT unnest(?::UUID[]))"

_FORGET_PROFILES = "DELETE FROM profiles WHERE profile NOT IN (SELECT profile FROM reports)"


def forget(connection: duckdb.DuckDBPyConnection, installs: Sequence[str]) -> None:
    """Delete what the tables hold of installs, and the metrics that no other shares."""
    for (table,) in connection.execute(_TABLES_OF_INSTALLS).fetchall():
        connection.execute(_FORGET_INSTALLS.format(table=table), [list(installs)])
    connection.execute(_FORGET_PROFILES)
