"""The warehouse's tables.

What many rows share stands in a table of its own, numbered as it comes: an app's install in
``installs``, a report's metrics in ``profiles``, what it is of and how that ended in ``calls``, an
error in ``failures``; a visit's place in its install's life in ``points``, the solutions that it
names in ``bundles``, a solution and an operation in ``tasks``. To join or count by one of them is
to join or count small numbers.
"""

from __future__ import annotations

import re

LATE_MS = 86_400_000
"""Received longer than this (a day) after it happened, a report is late."""

HORIZON = 30
"""Days of silence after which a user counts as gone, where nothing else is chosen."""

UNKNOWN = "unknown"
"""Stands for a version or OS that a report doesn't tell."""

JOURNEY = {"began": "init", "installed": "install", "tested": "test"}
"""The steps of a deployment, in their order: what is said of who came to one, and its operation."""

WEEKS_TO_NEXT = "(day - week + next_gap) // 7"
"""SQL of the weeks to the visit after: 0 where both lie in one week."""

# `failure` is null for a run.
_REPORT = """
    id UUID, app VARCHAR, install INTEGER, time BIGINT, day DATE, call INTEGER,
    duration_ms BIGINT, failure INTEGER, sentry_event VARCHAR,
    profile INTEGER, ci BOOLEAN, dropped BIGINT, received BIGINT
"""

# Gaps in days, and in weeks from Monday to Monday. What comes after a visit changes once the next
# one is known, so a single column says it: to change a column in all parts of a table writes it
# anew. The profile, and with it OS and version, is that of the day's last report (by time, then
# id), the call that of its first with an operation.
# `reports` to `by_ci` count the day's reports: all, those of errors, runs, runs that failed, what
# was dropped, those received late, and those by CI services. `in_ci`: the install ever ran in one.
# `moved`: there is no visit before, or it was of another version.
_VISIT = f"""
    app VARCHAR, install INTEGER, day DATE, week DATE, number INTEGER,
    gap INTEGER, week_gap INTEGER, next_gap INTEGER,
    next_day DATE AS (day + next_gap), next_week_gap INTEGER AS ({WEEKS_TO_NEXT}),
    first_day DATE, first_week DATE,
    os VARCHAR, version VARCHAR, profile INTEGER, point INTEGER, bundle INTEGER,
    call INTEGER, reports INTEGER, errors INTEGER, runs INTEGER, failed_runs INTEGER,
    dropped BIGINT, late INTEGER, by_ci INTEGER, in_ci BOOLEAN, moved BOOLEAN
"""

# A visit, for each error that it met. What is told of the error is as its last report of the day
# told it, `error_version` the version among that; `times` counts them.
_EXPOSURE = f"""{_VISIT},
    fingerprint VARCHAR, times INTEGER, time BIGINT, id UUID,
    error_type VARCHAR, error_where VARCHAR, error_version VARCHAR, sentry_event VARCHAR
"""

# A run report that names a solution. Gaps to the install's report before: of the same task, and of
# the same solution, 0 where both lie on one day or in one week.
_DEPLOYMENT = """
    app VARCHAR, install INTEGER, time BIGINT, day DATE, week DATE, task INTEGER,
    succeeded BOOLEAN, duration_ms BIGINT,
    gap INTEGER, week_gap INTEGER, solution_gap INTEGER, solution_week_gap INTEGER,
    profile INTEGER, in_ci BOOLEAN
"""

# How many rows of these there are, see `dashboard.counts`. `cells` to `bundled` count visits. Of
# `cells`, `is_new` (first visits), version and OS are as the point says, with a word for what is
# not told; `clean` are those without an error, `last` those that none follows, `returned` those
# that one follows within the horizon. `before` and `after` say whether the install's visits before
# and after lie in the same week (0), the one beside it (1), or further off, if there are any (2).
# `losses` counts the visits' reports, with those by CI services, and the installs of a week.
# `attempts` counts deployments: `installs` those that tried the task for the first time,
# `week_installs` for the first time in the week, and the same of its solution. `arrivals` counts
# reports by the day on which they were received.
_COUNTS = """
CREATE TABLE cells (
    app VARCHAR, day DATE, point INTEGER, is_new BOOLEAN, version VARCHAR, os VARCHAR,
    visits BIGINT, clean BIGINT, last BIGINT, clean_last BIGINT, returned BIGINT
);
CREATE TABLE pauses (app VARCHAR, day DATE, next_gap INTEGER, visits BIGINT);
CREATE TABLE activity (
    app VARCHAR, week DATE, first_week DATE, version VARCHAR, before INTEGER, after INTEGER,
    visits BIGINT
);
CREATE TABLE told (app VARCHAR, profile INTEGER, visits BIGINT);
CREATE TABLE bundled (app VARCHAR, bundle INTEGER, visits BIGINT);
CREATE TABLE losses (
    app VARCHAR, week DATE,
    reports BIGINT, installs BIGINT, dropped BIGINT, late BIGINT, ci BIGINT
);
CREATE TABLE attempts (
    app VARCHAR, day DATE, task INTEGER, attempts BIGINT, succeeded BIGINT,
    installs BIGINT, solution_installs BIGINT, week_installs BIGINT, week_solution_installs BIGINT
);
CREATE TABLE arrivals (
    app VARCHAR, day DATE, reports BIGINT, errors BIGINT, late BIGINT, ci BIGINT
);
"""

_COMPRESSION = {
    "UUID": "uncompressed",
    "VARCHAR": "dict_fsst",
    "INTEGER": "bitpacking",
    "BIGINT": "bitpacking",
    "DATE": "bitpacking",
}


def _packed(columns: str) -> str:
    """Say how large tables are compressed: to try all that there is makes a file 3 % smaller, and
    takes as long as working out what stands in it."""
    for kind, method in _COMPRESSION.items():
        columns = re.sub(rf" {kind}(?! AS)", f" {kind} USING COMPRESSION {method}", columns)
    return columns


SCHEMA = f"""
CREATE TABLE about (schema_version INTEGER, source VARCHAR);
CREATE TABLE cursors (
    shard INTEGER, day DATE, since BIGINT, closed BOOLEAN, PRIMARY KEY (shard, day)
);
CREATE TABLE forgotten (install VARCHAR, shard INTEGER, received BIGINT);
CREATE TABLE reports ({_packed(_REPORT)});
CREATE TABLE visits ({_packed(_VISIT)});
CREATE TABLE visits_ci ({_packed(_VISIT)});
CREATE TABLE exposures ({_packed(_EXPOSURE)});
CREATE TABLE exposures_ci ({_packed(_EXPOSURE)});
CREATE TABLE deployments ({_packed(_DEPLOYMENT)});
CREATE TABLE deployments_ci ({_packed(_DEPLOYMENT)});
CREATE TABLE installs (install INTEGER, app VARCHAR, pseudonym UUID, lot INTEGER);
CREATE TABLE profiles (
    profile INTEGER, digest UHUGEINT, os VARCHAR, os_version VARCHAR, version VARCHAR,
    metrics MAP(VARCHAR, VARCHAR)
);
CREATE TABLE calls (call INTEGER, operation VARCHAR, solution VARCHAR, outcome VARCHAR);
CREATE TABLE failures (
    failure INTEGER, fingerprint VARCHAR, error_type VARCHAR, error_where VARCHAR
);
CREATE TABLE points (
    point INTEGER, number_bin INTEGER, gap_bin INTEGER, version VARCHAR, os VARCHAR, month DATE
);
CREATE TABLE bundles (bundle INTEGER, solutions VARCHAR[]);
CREATE TABLE tasks (task INTEGER, solution VARCHAR, operation VARCHAR);
CREATE TABLE several_os (install INTEGER);
CREATE TABLE adoptions (app VARCHAR, install INTEGER, version VARCHAR, day DATE);
CREATE TABLE journeys (
    app VARCHAR, install INTEGER, solution VARCHAR,
    {", ".join(f"{step} BIGINT" for step in JOURNEY)}
);
{_COUNTS}"""
"""``visits``, ``exposures`` and ``deployments`` leave runs by CI services out; their namesakes with
``_ci`` hold, for the installs that ever ran in one, all with them. An install's ``lot`` is drawn by
its pseudonym, whose digits are random: the ninth to twelfth of them, as a number. ``several_os``
names the installs that ever reported from more than one OS family: within a family, the gaps of all
others are those that stand in ``visits``. ``adoptions`` holds the days on which installs first
visited on a version, see `dashboard.adoptions`. ``journeys`` holds when an install came to each
step with a solution (ms UTC), see `dashboard.journeys`; those that never began are not in it."""
