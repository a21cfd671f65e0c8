"""Working out anew what new reports change of installs' lives: visits, exposures, deployments.

To be called by `dashboard.merge`, which makes the tables named here that `dashboard.schema` does
not know.
"""

from __future__ import annotations

import duckdb

from dashboard.counts import count_changes

_FORGET = "DELETE FROM {table} WHERE rowid IN (SELECT row FROM {rows})"

# The visit before the first of the new days, and all after it.
_KNOWN_VISITS = """
CREATE TEMP TABLE known_visits AS
SELECT visits.rowid AS row, day < since AS stays, visits.*
FROM {table} AS visits JOIN {installs} USING (install)
WHERE next_day IS NULL OR next_day >= since
"""

_SEVERAL_OS = """
INSERT INTO several_os
SELECT install FROM (
    SELECT install, os FROM theirs
    UNION ALL SELECT install, os FROM known_visits WHERE stays
) ANTI JOIN several_os USING (install)
GROUP BY install HAVING count(DISTINCT coalesce(os, '')) > 1
"""

_LIVES = """
CREATE TEMP TABLE lives AS
WITH days AS (
    SELECT install, day, arg_max(profile, (time, id)) AS profile,
        arg_min(operation, (time, id)) AS operation,
        list_sort(list_distinct(list(solution) FILTER (solution IS NOT NULL))) AS solutions,
        count(*) AS reports, count(*) FILTER (failed) AS errors,
        count(*) FILTER (NOT failed) AS runs,
        count(*) FILTER (NOT failed AND outcome = 'error') AS failed_runs,
        sum(dropped)::BIGINT AS dropped, count(*) FILTER (late) AS late,
        count(*) FILTER (ci) AS by_ci,
        NULL AS known_bundle, NULL AS known_number, NULL AS known_gap, NULL AS known_first_day,
        NULL AS known_moved
    FROM theirs SEMI JOIN {installs} USING (install)
    WHERE {condition}
    GROUP BY install, day
    UNION ALL BY NAME
    SELECT install, day, profile, operation, reports, errors, runs, failed_runs, dropped,
        late, by_ci, bundle AS known_bundle, number AS known_number, gap AS known_gap,
        first_day AS known_first_day, moved AS known_moved
    FROM known_visits WHERE stays
), numbered AS (
    SELECT * EXCLUDE (known_number, known_gap, known_first_day),
        date_trunc('week', day)::DATE AS week,
        row_number() OVER life + coalesce(first(known_number) OVER life - 1, 0) AS number,
        coalesce(first(known_first_day) OVER life, first(day) OVER life) AS first_day,
        coalesce(lag(day) OVER life, day - known_gap) AS last_day,
        lead(day) OVER life AS next_day,
        lag(profile) OVER life AS last_profile
    FROM days WINDOW life AS (PARTITION BY install ORDER BY day)
)
SELECT numbered.* EXCLUDE (known_moved, last_profile), os, version,
    coalesce(known_moved, last_profile IS NULL OR version IS DISTINCT FROM last_version) AS moved,
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
FROM numbered JOIN profiles USING (profile) LEFT JOIN (
    SELECT profile AS last_profile, version AS last_version FROM profiles
) USING (last_profile)
"""

_SAME_POINT = """
    {0}.number_bin = {1}.number_bin AND {0}.gap_bin = {1}.gap_bin AND {0}.month = {1}.month
    AND {0}.version IS NOT DISTINCT FROM {1}.version AND {0}.os IS NOT DISTINCT FROM {1}.os
"""

_NEW_POINTS = f"""
INSERT INTO points BY NAME
SELECT (SELECT coalesce(max(point), 0) FROM points) + row_number() OVER (
        ORDER BY month, version, os, number_bin, gap_bin
    ) AS point, * FROM (
    SELECT DISTINCT number_bin, gap_bin, version, os, month
    FROM lives ANTI JOIN points ON {_SAME_POINT.format("lives", "points")}
)
"""

_NEW_BUNDLES = """
INSERT INTO bundles BY NAME
SELECT (SELECT coalesce(max(bundle), 0) FROM bundles)
    + row_number() OVER (ORDER BY solutions) AS bundle, solutions
FROM (
    SELECT DISTINCT solutions FROM lives ANTI JOIN bundles USING (solutions)
    WHERE solutions IS NOT NULL
)
"""

_NUMBERED = f"""
CREATE TEMP TABLE new_visits AS
SELECT lives.* EXCLUDE (last_day, number_bin, gap_bin, month, solutions, known_bundle),
    app, point, coalesce(known_bundle, bundle) AS bundle, in_ci
FROM lives JOIN points ON {_SAME_POINT.format("lives", "points")}
    LEFT JOIN bundles USING (solutions) JOIN touched USING (install)
"""

# What a visit that stays met is as it was; the visit itself is not.
_KNOWN_EXPOSURES = """
CREATE TEMP TABLE known_exposures AS
SELECT exposures.rowid AS row, stays, install, day,
    fingerprint, times, time, id, error_type, error_where, error_version, sentry_event
FROM {table} AS exposures JOIN known_visits USING (install, day)
"""

_NEW_EXPOSURES = """
INSERT INTO {table} BY NAME
FROM (
    SELECT install, day, fingerprint, count(*) AS times,
        unnest(arg_max({{
            time: time, id: id, error_type: error_type, error_where: error_where,
            error_version: version, sentry_event: sentry_event
        }}, (time, id)))
    FROM theirs SEMI JOIN {installs} USING (install)
    WHERE failed AND fingerprint IS NOT NULL AND {condition}
    GROUP BY install, day, fingerprint
    UNION ALL BY NAME
    SELECT * EXCLUDE (row, stays) FROM known_exposures WHERE stays
) JOIN new_visits USING (install, day)
"""

_KNOWN_DEPLOYMENTS = """
CREATE TEMP TABLE known_deployments AS
SELECT deployments.rowid AS row, day < since AS stays, install, day, task
FROM {table} AS deployments JOIN {installs} USING (install)
"""

_OLD_DEPLOYMENTS = (
    "(FROM {table} WHERE rowid IN (SELECT row FROM known_deployments WHERE NOT stays))"
)

# Of what stays, the last of each task comes first, without a time.
_NEW_DEPLOYMENTS = """
CREATE TEMP TABLE new_deployments AS
SELECT chosen.* EXCLUDE (last_day, last_solution_day), app, in_ci,
    day - last_day AS gap,
    (week - date_trunc('week', last_day)::DATE) // 7 AS week_gap,
    day - last_solution_day AS solution_gap,
    (week - date_trunc('week', last_solution_day)::DATE) // 7 AS solution_week_gap
FROM (
    SELECT * EXCLUDE (id, solution), date_trunc('week', day)::DATE AS week,
        lag(day) OVER (
            PARTITION BY install, task ORDER BY time NULLS FIRST, day, id
        ) AS last_day,
        lag(day) OVER (
            PARTITION BY install, solution ORDER BY time NULLS FIRST, day, id
        ) AS last_solution_day,
    FROM (
        SELECT install, task, solution, day, time, id, outcome IS NOT DISTINCT FROM 'ok'
            AS succeeded, duration_ms, os, version, profile
        FROM theirs SEMI JOIN {installs} USING (install)
        WHERE task IS NOT NULL AND {condition}
        UNION ALL BY NAME
        SELECT install, task, solution, max(day) AS day
        FROM known_deployments JOIN tasks USING (task)
        WHERE stays
        GROUP BY install, task, solution
    )
    QUALIFY time IS NOT NULL
) AS chosen JOIN touched USING (install)
"""


def work_out_anew(
    connection: duckdb.DuckDBPyConnection, suffix: str, installs: str, condition: str
) -> None:
    """Visits, exposures and deployments of the installs touched, from the reports on a condition.

    Args:
        suffix: of the tables' names.
    """
    chosen = {"installs": installs, "condition": condition}
    visits, exposures, deployments = (
        {"table": f"{name}{suffix}"} for name in ("visits", "exposures", "deployments")
    )
    connection.execute(_KNOWN_VISITS.format(**visits, **chosen))
    connection.execute(_SEVERAL_OS)
    connection.execute(_FORGET.format(**visits, rows="known_visits"))
    connection.execute(_LIVES.format(**chosen))
    connection.execute(_NEW_POINTS)
    connection.execute(_NEW_BUNDLES)
    connection.execute(_NUMBERED)
    connection.execute(f"INSERT INTO {visits['table']} BY NAME FROM new_visits")
    connection.execute(_KNOWN_EXPOSURES.format(**exposures))
    connection.execute(_FORGET.format(**exposures, rows="known_exposures"))
    connection.execute(_NEW_EXPOSURES.format(**exposures, **chosen))
    count_changes(connection, visits["table"], "new_visits", "known_visits")
    connection.execute(_KNOWN_DEPLOYMENTS.format(**deployments, **chosen))
    connection.execute(_NEW_DEPLOYMENTS.format(**chosen))
    old = _OLD_DEPLOYMENTS.format(**deployments)
    count_changes(connection, deployments["table"], "new_deployments", old)
    connection.execute(_FORGET.format(**deployments, rows="known_deployments WHERE NOT stays"))
    connection.execute(f"INSERT INTO {deployments['table']} BY NAME FROM new_deployments")
    for temporary in (
        *("known_visits", "lives", "new_visits"),
        *("known_exposures", "known_deployments", "new_deployments"),
    ):
        connection.execute(f"DROP TABLE {temporary}")
