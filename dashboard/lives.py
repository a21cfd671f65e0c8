"""Working out anew what new reports change of installs' lives: visits, exposures, deployments.

To be called by `dashboard.merge`, which makes the tables named here that `dashboard.schema` does
not know.
"""

from __future__ import annotations

import duckdb

from dashboard.counts import add_changes, count_changes
from dashboard.numbering import every, numbered, same

# The visit before the first of the new days, and all after it.
_KNOWN_VISITS = """
CREATE TEMP TABLE known_visits{suffix} AS
SELECT visits.rowid AS row, day < since AS stays, visits.*
FROM visits{suffix} AS visits JOIN {installs} USING (install)
WHERE next_day IS NULL OR next_day >= since
"""

_SEVERAL_OS = """
CREATE TEMP TABLE found_on_several_os{suffix} AS
SELECT install FROM (
    SELECT install, os FROM theirs
    UNION ALL SELECT install, os FROM known_visits{suffix} WHERE stays
)
GROUP BY install HAVING count(DISTINCT coalesce(os, '')) > 1
"""

_LIVES = """
CREATE TEMP TABLE lives{suffix} AS
WITH days AS (
    SELECT install, day, arg_max(profile, (time, id)) AS profile,
        arg_min(call, (time, id)) FILTER (operation IS NOT NULL) AS call,
        CASE WHEN min(solution) = max(solution) THEN [min(solution)]
            ELSE list_sort(list_distinct(list(solution) FILTER (solution IS NOT NULL)))
        END AS solutions,
        count(*) AS reports, count(*) FILTER (failed) AS errors,
        count(*) FILTER (NOT failed) AS runs,
        count(*) FILTER (NOT failed AND outcome = 'error') AS failed_runs,
        sum(dropped)::BIGINT AS dropped, count(*) FILTER (late) AS late,
        count(*) FILTER (ci) AS by_ci,
        NULL AS known_bundle, NULL AS known_number, NULL AS known_gap, NULL AS known_first_day,
        NULL AS known_moved
    FROM {reports} JOIN {calls} USING (call)
    GROUP BY install, day
    UNION ALL BY NAME
    SELECT install, day, profile, call, reports, errors, runs, failed_runs, dropped, late, by_ci,
        bundle AS known_bundle, number AS known_number, gap AS known_gap,
        first_day AS known_first_day, moved AS known_moved
    FROM known_visits{suffix} WHERE stays
), numbered AS (
    SELECT days.* EXCLUDE (known_number, known_gap, known_first_day), os, version,
        date_trunc('week', day)::DATE AS week,
        row_number() OVER life + coalesce(first(known_number) OVER life - 1, 0) AS number,
        coalesce(first(known_first_day) OVER life, first(day) OVER life) AS first_day,
        coalesce(lag(day) OVER life, day - known_gap) AS last_day,
        lead(day) OVER life AS next_day,
        lag(version) OVER life AS last_version
    FROM days JOIN {profiles} USING (profile) WINDOW life AS (PARTITION BY install ORDER BY day)
)
SELECT * EXCLUDE (known_moved, last_version),
    coalesce(known_moved, last_day IS NULL OR version IS DISTINCT FROM last_version) AS moved,
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
FROM numbered
"""

_NEW_POINTS = numbered("points", "lives{suffix}")
_NEW_BUNDLES = numbered("bundles", "lives{suffix} WHERE solutions IS NOT NULL")

_NEW_VISITS = f"""
CREATE TEMP TABLE new_visits{{suffix}} AS
SELECT lives.* EXCLUDE (last_day, number_bin, gap_bin, month, solutions, known_bundle),
    app, point, coalesce(known_bundle, bundle) AS bundle, in_ci
FROM lives{{suffix}} AS lives
    JOIN {every("points")} AS points ON {same("lives", "points")}
    LEFT JOIN {every("bundles")} USING (solutions) JOIN touched USING (install)
"""

# What a visit that stays met is as it was; the visit itself is not.
_KNOWN_EXPOSURES = """
CREATE TEMP TABLE known_exposures{suffix} AS
SELECT exposures.rowid AS row, stays, install, day,
    fingerprint, times, time, id, error_type, error_where, error_version, sentry_event
FROM exposures{suffix} AS exposures JOIN known_visits{suffix} USING (install, day)
"""

_NEW_EXPOSURES = """
CREATE TEMP TABLE new_exposures{suffix} AS
FROM (
    SELECT install, day, fingerprint, count(*) AS times,
        unnest(arg_max({{
            time: time, id: id, error_type: error_type, error_where: error_where,
            error_version: version, sentry_event: sentry_event
        }}, (time, id)))
    FROM {reports} JOIN {failures} USING (failure) WHERE fingerprint IS NOT NULL
    GROUP BY install, day, fingerprint
    UNION ALL BY NAME
    SELECT * EXCLUDE (row, stays) FROM known_exposures{suffix} WHERE stays
) JOIN new_visits{suffix} USING (install, day)
"""

_KNOWN_DEPLOYMENTS = """
CREATE TEMP TABLE known_deployments{suffix} AS
SELECT deployments.rowid AS row, day < since AS stays, install, day, task
FROM deployments{suffix} AS deployments JOIN {installs} USING (install)
"""

_OLD_DEPLOYMENTS = """(
    FROM deployments{suffix}
    WHERE rowid IN (SELECT row FROM known_deployments{suffix} WHERE NOT stays)
)"""

# Of what stays, the last of each task comes first, as of its day's first moment. Only what puts
# reports in order goes through the windows; a solution is numbered by the first of its tasks.
_NEW_DEPLOYMENTS = f"""
CREATE TEMP TABLE new_deployments{{suffix}} AS
WITH named AS (
    SELECT *, min(task) OVER (PARTITION BY solution) AS named FROM {every("tasks")}
), ended AS (
    SELECT call, task, outcome IS NOT DISTINCT FROM 'ok' AS succeeded
    FROM {every("calls")} AS calls JOIN {every("tasks")} AS tasks ON {same("calls", "tasks")}
)
SELECT app, install, time, day, date_trunc('week', day)::DATE AS week, task,
    succeeded, duration_ms, profile, in_ci,
    day - last_day AS gap,
    (week - date_trunc('week', last_day)::DATE) // 7 AS week_gap,
    day - last_solution_day AS solution_gap,
    (week - date_trunc('week', last_solution_day)::DATE) // 7 AS solution_week_gap
FROM (
    SELECT report,
        lag(day) OVER (
            PARTITION BY install, task ORDER BY time, id
        ) AS last_day,
        lag(day) OVER (
            PARTITION BY install, named ORDER BY time, id
        ) AS last_solution_day
    FROM (
        SELECT report, install, task, day, time, id
        FROM {{reports}} JOIN ended USING (call) WHERE NOT failed
        UNION ALL BY NAME
        SELECT install, task, max(day) AS day, epoch_ms(max(day)) AS time
        FROM known_deployments{{suffix}} WHERE stays GROUP BY install, task
    ) JOIN named USING (task)
) JOIN theirs ON report = theirs.rowid JOIN ended USING (call)
    JOIN (SELECT install, in_ci FROM touched) USING (install)
"""


# What is to be deleted of each table, and what is to be added.
_CHANGES = {
    "visits": "SELECT row FROM known_visits{suffix}",
    "exposures": "SELECT row FROM known_exposures{suffix}",
    "deployments": "SELECT row FROM known_deployments{suffix} WHERE NOT stays",
}


def work_out(
    connection: duckdb.DuckDBPyConnection, suffix: str, installs: str, reports: str
) -> None:
    """Work out visits, exposures and deployments of the installs touched, in temporary tables.

    Args:
        suffix: of the tables' names.
        installs: the table of the installs.
        reports: SQL of those of ``theirs`` that count, each with its place there, ``report``.
    """
    words = {"suffix": suffix, "installs": installs, "reports": reports}
    words |= {table: every(table) for table in ("profiles", "calls", "failures")}
    for statement in (
        *(_KNOWN_VISITS, _SEVERAL_OS, _LIVES, _NEW_POINTS, _NEW_BUNDLES, _NEW_VISITS),
        *(_KNOWN_EXPOSURES, _NEW_EXPOSURES, _KNOWN_DEPLOYMENTS, _NEW_DEPLOYMENTS),
    ):
        connection.execute(statement.format(**words))
    connection.execute(f"DROP TABLE lives{suffix}")
    count_changes(connection, f"visits{suffix}", f"new_visits{suffix}", f"known_visits{suffix}")
    old = _OLD_DEPLOYMENTS.format(**words)
    count_changes(connection, f"deployments{suffix}", f"new_deployments{suffix}", old)


_NEW_ON_SEVERAL_OS = """
INSERT INTO several_os
FROM found_on_several_os{suffix} ANTI JOIN several_os USING (install)
"""


def put_in_place(connection: duckdb.DuckDBPyConnection, suffix: str) -> None:
    """Change the tables as `work_out` found."""
    for name, deleted in _CHANGES.items():
        table, rows = f"{name}{suffix}", deleted.format(suffix=suffix)
        connection.execute(f"DELETE FROM {table} WHERE rowid IN ({rows})")
        connection.execute(f"INSERT INTO {table} BY NAME FROM new_{table}")
        add_changes(connection, table)
    connection.execute(_NEW_ON_SEVERAL_OS.format(suffix=suffix))
