"""A project's reports, drawn in SQL: lives with an end, releases, errors, solutions, CI."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb

from dashboard.columns import ARRIVED

APP = "tool"
FIRST = date(2024, 1, 1)
DAYS = 730
REPORTS_AN_INSTALL = 10
STEPS = 8
"""Pieces in which the history arrives, one merge each."""

START = int(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC).timestamp() * 1000)

# u(x, k): uniform in [0, 1), the k-th number drawn for x.
_DRAW = """
CREATE OR REPLACE TEMP MACRO u(x, k) AS
    hash(xor(hash(hash(x)), k::UBIGINT)) / 18446744073709551616.0
"""

# Visits a life: geometric. A quarter of the lives is cut off by the end of the two years.
_LIVES = """
CREATE OR REPLACE TEMP TABLE drawn_lives AS
SELECT i AS install, first_day, lag_days, system,
    1 + floor(ln(1 - u(i, 3)) / ln(1 - 1 / 7.3))::INT AS visits
FROM (
    SELECT i, floor({days} * sqrt(u(i, 1)))::INT AS first_day,
        floor(90 * u(i, 2) * u(i, 20))::INT AS lag_days, u(i, 4) AS system
    FROM range({installs}) AS t(i)
)
"""

_VISITS = """
CREATE OR REPLACE TEMP TABLE drawn_days AS
SELECT *, hash(install, nth, {seed}) AS visit FROM (
    SELECT install, nth, lag_days, system,
        first_day + sum(CASE nth WHEN 0 THEN 0 ELSE
            1 + floor(-ln(1 - u(hash(install, nth, {seed}), 5)) * 7)::INT END)
            OVER (PARTITION BY install ORDER BY nth) AS day
    FROM (SELECT *, unnest(range(visits)) AS nth FROM drawn_lives)
) WHERE day < {days}
"""

_REPORTS = """
INSERT INTO arrived BY NAME
WITH each_report AS (
    SELECT *, hash(visit, n) AS r, u(hash(visit, n), 6) < 0.02 AS failed,
        least(14, greatest(0, (day - lag_days) // 49)) AS release,
        CASE WHEN system < 0.6 THEN 'Linux' WHEN system < 0.85 THEN 'Darwin' ELSE 'Windows' END
            AS os,
        floor(system * 15)::INT AS build,
        {start} + day::BIGINT * 86400000 + floor(u(hash(visit, n), 7) * 86400000)::BIGINT
            AS time,
        floor(30 * pow(u(hash(visit, n), 8), 2))::INT AS error
    FROM (
        SELECT *, unnest(range(
            1 + (u(visit, 9) < 0.4)::INT + (u(visit, 10) < 0.2)::INT + (u(visit, 11) < 0.05)::INT
        )) AS n
        FROM drawn_days WHERE day >= {since} AND day < {until}
    )
)
SELECT md5(r::VARCHAR)::UUID AS id, '{app}' AS app, md5(install::VARCHAR)::UUID AS pseudonym, time,
    epoch_ms(time)::DATE AS day,
    CASE WHEN failed THEN 'error' ELSE 'run' END AS kind,
    ['init', 'install', 'test', 'update', 'list', 'remove'][1 + floor(6 * u(r, 12))::INT]
        AS operation,
    CASE WHEN u(r, 13) < 0.7 THEN
        ['fail2ban', 'suricata', 'clamav', 'teler', 'wazuh', 'crowdsec']
        [1 + floor(6 * pow(u(install, 14), 2))::INT] END AS solution,
    CASE WHEN failed THEN 'error' WHEN u(r, 15) < 0.93 THEN 'ok' ELSE 'cancelled' END AS outcome,
    floor(-ln(1 - u(r, 16)) * 4000)::BIGINT AS duration_ms,
    CASE WHEN failed THEN printf('%016x', 4096 + error) END AS fingerprint,
    CASE WHEN failed THEN ['OSError', 'ValueError', 'KeyError'][1 + error % 3] END AS error_type,
    CASE WHEN failed THEN 'tool.part' || error || ':work' END AS error_where,
    CASE WHEN failed THEN md5('event' || r) END AS sentry_event,
    to_json({{
        os: os, os_version: os || ' ' || build, package_version: '1.' || release,
        py_version: '3.' || (11 + floor(4 * u(install, 17))::INT),
        timezone: printf('+%02d:00', floor(24 * u(install, 18))::INT),
        backend: ['systemd', 'docker', 'none'][1 + floor(3 * u(install, 19))::INT]
    }})::VARCHAR AS metrics,
    u(install, 21) < 0.03 AS ci, 0 AS dropped, time AS received
FROM each_report
"""


def draw(connection: duckdb.DuckDBPyConnection, reports: int, *, seed: int = 0) -> None:
    """Draw the installs of about so many reports, and the days on which each came.

    Another seed draws other visits of the same installs.
    """
    connection.execute(ARRIVED)
    connection.execute(_DRAW)
    installs = reports // REPORTS_AN_INSTALL
    connection.execute(_LIVES.format(days=DAYS, installs=installs))
    connection.execute(_VISITS.format(days=DAYS, seed=seed))


def arrive(
    connection: duckdb.DuckDBPyConnection, since: int, until: int, *, at_most: int | None = None
) -> None:
    """Let the reports of these days (counted from the first) arrive."""
    limit = "" if at_most is None else f" LIMIT {at_most}"
    connection.execute(_REPORTS.format(since=since, until=until, app=APP, start=START) + limit)
