"""Working out anew what new reports change of installs' lives: visits, exposures, deployments.

To be called by `dashboard.merge`, which makes the tables named here that `dashboard.schema` does
not know.
"""

from __future__ import annotations

from datetime import date

import duckdb

from dashboard.counts import add_changes, count_changes
from dashboard.numbering import every, numbered, same

# The visit before the first of the new days: only what follows it may change, so of what is counted
# by visits no more is read.
_LAST_VISITS = """
CREATE TEMP TABLE last_visits{suffix} AS
SELECT visits.rowid AS row, app, install, day, week, number, first_day, first_week,
    week_gap, next_gap, os, version, profile, point, errors, in_ci,
    NULL AS bundle, 0 AS reports, 0 AS dropped, 0 AS late, 0 AS by_ci
FROM visits{suffix} AS visits JOIN (SELECT install, since FROM {installs}) USING (install)
WHERE day < since AND (next_day IS NULL OR next_day >= since)
"""

_OLD_VISITS = """
CREATE TEMP TABLE old_visits{suffix} AS
SELECT visits.rowid AS row, visits.*
FROM visits{suffix} AS visits JOIN (SELECT install, since FROM {installs}) USING (install)
WHERE day >= since AND day >= DATE '{since}'
"""

_SEVERAL_OS = """
CREATE TEMP TABLE found_on_several_os{suffix} AS
SELECT install FROM (
    SELECT install, os FROM theirs UNION ALL SELECT install, os FROM last_visits{suffix}
)
GROUP BY install HAVING count(DISTINCT coalesce(os, '')) > 1
"""

_DAYS = """
CREATE TEMP TABLE days{suffix} AS
SELECT install, day, arg_max(profile, place) AS profile,
    arg_min(call, place) FILTER (operation IS NOT NULL) AS call,
    CASE WHEN min(solution) = max(solution) THEN [min(solution)]
        ELSE list_sort(list_distinct(list(solution) FILTER (solution IS NOT NULL)))
    END AS solutions,
    count(*) AS reports, count(*) FILTER (failed) AS errors,
    count(*) FILTER (NOT failed) AS runs,
    count(*) FILTER (NOT failed AND outcome = 'error') AS failed_runs,
    sum(dropped)::BIGINT AS dropped, count(*) FILTER (late) AS late,
    count(*) FILTER (ci) AS by_ci
FROM {reports} JOIN {calls} USING (call)
GROUP BY install, day
"""

# Only what puts days in order goes through the windows.
_LIVES = """
CREATE TEMP TABLE lives{suffix} AS
WITH numbered AS (
    SELECT days.rowid AS row, install, days.day, days.profile,
        (row_number() OVER life + coalesce(last.number, 0))::INTEGER AS number,
        coalesce(last.first_day, first(days.day) OVER life) AS first_day,
        coalesce(lag(days.day) OVER life, last.day) AS last_day,
        lead(days.day) OVER life AS next_day,
        coalesce(lag(days.profile) OVER life, last.profile) AS last_profile
    FROM days{suffix} AS days LEFT JOIN last_visits{suffix} AS last USING (install)
    WINDOW life AS (PARTITION BY install ORDER BY days.day)
)
SELECT numbered.* EXCLUDE (last_profile), told.os, told.version, day - last_day AS gap,
    last_day IS NULL OR told.version IS DISTINCT FROM before.version AS moved,
    -- Each bin by the least that it holds.
    CASE WHEN number <= 2 THEN number WHEN number <= 5 THEN 3 WHEN number <= 10 THEN 6
        WHEN number <= 20 THEN 11 WHEN number <= 50 THEN 21 ELSE 51 END AS number_bin,
    CASE WHEN gap IS NULL THEN 0 WHEN gap <= 1 THEN 1 WHEN gap <= 3 THEN 2 WHEN gap <= 7 THEN 4
        WHEN gap <= 14 THEN 8 WHEN gap <= 30 THEN 15 ELSE 31 END AS gap_bin,
    date_trunc('month', day)::DATE AS month
FROM numbered JOIN {profiles} AS told USING (profile)
    LEFT JOIN {profiles} AS before ON before.profile = last_profile
"""

_NEW_POINTS = numbered("points", "lives{suffix}")
_NEW_BUNDLES = numbered("bundles", "days{suffix} WHERE solutions IS NOT NULL")

_NEW_VISITS = f"""
CREATE TEMP TABLE new_visits{{suffix}} AS
SELECT lives.* EXCLUDE (row, last_day, next_day, number_bin, gap_bin, month),
    days.* EXCLUDE (install, day, profile, solutions),
    date_trunc('week', lives.day)::DATE AS week,
    date_trunc('week', first_day)::DATE AS first_week,
    (week - date_trunc('week', last_day)::DATE) // 7 AS week_gap,
    next_day - lives.day AS next_gap, app, point, bundle, in_ci
FROM lives{{suffix}} AS lives JOIN days{{suffix}} AS days ON days.rowid = lives.row
    JOIN {every("points")} AS points ON {same("lives", "points")}
    LEFT JOIN {every("bundles")} USING (solutions)
    JOIN (SELECT install, app, in_ci FROM touched) AS touched ON touched.install = lives.install
"""

# The last visits, with what follows them now.
_FOLLOWED = """
CREATE TEMP TABLE followed{suffix} AS
SELECT last.* REPLACE (next.day - last.day AS next_gap)
FROM last_visits{suffix} AS last
    LEFT JOIN (SELECT install, min(day) AS day FROM days{suffix} GROUP BY install) AS next
        USING (install)
"""

_KNOWN_EXPOSURES = """
CREATE TEMP TABLE known_exposures{suffix} AS
SELECT exposures.rowid AS row, day < since AS stays, install, day
FROM exposures{suffix} AS exposures JOIN {installs} USING (install)
WHERE next_day IS NULL OR next_day >= since
"""

_NEW_EXPOSURES = """
CREATE TEMP TABLE new_exposures{suffix} AS
FROM (
    SELECT install, day, fingerprint, count(*) AS times,
        unnest(arg_max({{
            time: time, id: id, error_type: error_type, error_where: error_where,
            error_version: version, sentry_event: sentry_event
        }}, place))
    FROM {reports} JOIN {failures} USING (failure)
    WHERE failed AND fingerprint IS NOT NULL
    GROUP BY install, day, fingerprint
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

# Only what puts reports in order goes through the windows; a solution is numbered by the first of
# its tasks.
_NEW_DEPLOYMENTS = f"""
CREATE TEMP TABLE new_deployments{{suffix}} AS
WITH named AS (
    SELECT *, min(task) OVER (PARTITION BY solution) AS named FROM {every("tasks")}
), ended AS (
    SELECT call, task, named, outcome IS NOT DISTINCT FROM 'ok' AS succeeded
    FROM {every("calls")} AS calls JOIN named AS tasks ON {same("calls", "tasks")}
), known AS (
    SELECT install, task, named, max(day) AS day
    FROM known_deployments{{suffix}} JOIN named USING (task) WHERE stays GROUP BY ALL
)
SELECT app, install, time, day, date_trunc('week', day)::DATE AS week, task,
    succeeded, duration_ms, profile, in_ci,
    day - last_day AS gap,
    (week - date_trunc('week', last_day)::DATE) // 7 AS week_gap,
    day - last_solution_day AS solution_gap,
    (week - date_trunc('week', last_solution_day)::DATE) // 7 AS solution_week_gap
FROM (
    SELECT report, task, succeeded,
        coalesce(
            lag(new.day) OVER (PARTITION BY install, task ORDER BY place), same_task.day
        ) AS last_day,
        coalesce(
            lag(new.day) OVER (PARTITION BY install, named ORDER BY place), same_solution.day
        ) AS last_solution_day
    FROM (
        SELECT report, install, task, named, succeeded, day, place
        FROM {{reports}} JOIN ended USING (call) WHERE NOT failed
    ) AS new
        LEFT JOIN (SELECT install, task, day FROM known) AS same_task USING (install, task)
        LEFT JOIN (
            SELECT install, named, max(day) AS day FROM known GROUP BY install, named
        ) AS same_solution USING (install, named)
) JOIN theirs ON report = theirs.rowid JOIN (SELECT install, in_ci FROM touched) USING (install)
"""


# What is to be deleted of each table.
_OLD = {
    "visits": "SELECT row FROM old_visits{suffix}",
    "exposures": "SELECT row FROM known_exposures{suffix} WHERE NOT stays",
    "deployments": "SELECT row FROM known_deployments{suffix} WHERE NOT stays",
}


def work_out(
    connection: duckdb.DuckDBPyConnection, suffix: str, installs: str, reports: str, since: date
) -> None:
    """Work out visits, exposures and deployments of the installs touched, in temporary tables.

    Args:
        suffix: of the tables' names.
        installs: the table of the installs.
        reports: SQL of those of ``theirs`` that count, each with its row there, ``report``, and its
            place in the order of time and id.
        since: the first day of any of these installs' new reports.
    """
    words = {"suffix": suffix, "installs": installs, "reports": reports, "since": str(since)}
    words |= {table: every(table) for table in ("profiles", "calls", "failures")}
    for statement in (
        *(_LAST_VISITS, _OLD_VISITS, _SEVERAL_OS, _DAYS, _LIVES, _NEW_POINTS, _NEW_BUNDLES),
        *(_NEW_VISITS, _FOLLOWED, _KNOWN_EXPOSURES, _NEW_EXPOSURES),
        *(_KNOWN_DEPLOYMENTS, _NEW_DEPLOYMENTS),
    ):
        connection.execute(statement.format(**words))
    connection.execute(f"DROP TABLE days{suffix}")
    connection.execute(f"DROP TABLE lives{suffix}")
    before = f"(FROM old_visits{suffix} UNION ALL BY NAME FROM last_visits{suffix})"
    after = f"(FROM new_visits{suffix} UNION ALL BY NAME FROM followed{suffix})"
    count_changes(connection, f"visits{suffix}", after, before)
    old = _OLD_DEPLOYMENTS.format(**words)
    count_changes(connection, f"deployments{suffix}", f"new_deployments{suffix}", old)


_NEW_ON_SEVERAL_OS = """
INSERT INTO several_os
FROM found_on_several_os{suffix} ANTI JOIN several_os USING (install)
"""


_FOLLOW = """
UPDATE {table} SET next_gap = after.next_gap
FROM ({followed}) AS after WHERE {table}.rowid = after.row
"""

# What stays of these tables, with what follows it now.
_STAYS = {
    "visits": "FROM followed{suffix}",
    "exposures": """
        SELECT known.row, followed.* EXCLUDE (row)
        FROM known_exposures{suffix} AS known JOIN followed{suffix} AS followed USING (install, day)
    """,
}


def put_in_place(connection: duckdb.DuckDBPyConnection, suffix: str) -> None:
    """Change the tables as `work_out` found."""
    for name, old in _OLD.items():
        table = f"{name}{suffix}"
        connection.execute(f"DELETE FROM {table} WHERE rowid IN ({old.format(suffix=suffix)})")
        if name in _STAYS:
            followed = _STAYS[name].format(suffix=suffix)
            connection.execute(_FOLLOW.format(table=table, followed=followed))
        connection.execute(f"INSERT INTO {table} BY NAME FROM new_{table}")
        add_changes(connection, table)
    connection.execute(_NEW_ON_SEVERAL_OS.format(suffix=suffix))
