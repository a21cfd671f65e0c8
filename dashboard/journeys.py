"""How far each install came with each solution, kept up as reports are merged.

``journeys`` holds when an install came to each of `JOURNEY`: with its first run of the first step's
operation, then with the first run of the next one's that is not earlier. What lies before the
first of the new days stays as it is, whatever is new; what lies later is found among the reports
of these days.

To be called by `dashboard.merge`, which makes the tables named here that `dashboard.schema` does
not know.
"""

from __future__ import annotations

import duckdb

from dashboard.numbering import every
from dashboard.schema import JOURNEY

_RUNS = f"""
CREATE TEMP TABLE step_runs AS
SELECT install, solution, operation, time FROM theirs JOIN {every("calls")} USING (call)
WHERE solution IS NOT NULL AND failure IS NULL AND NOT ci AND operation IN {tuple(JOURNEY.values())}
"""

_KNOWN = f"""
CREATE TEMP TABLE known_journeys AS
SELECT journeys.rowid AS row, install, solution,
    {", ".join(f"CASE WHEN {step} < epoch_ms(since) THEN {step} END AS {step}" for step in JOURNEY)}
FROM journeys JOIN touched USING (install)
    SEMI JOIN step_runs USING (install, solution)
"""

_STEP = """
CREATE TEMP TABLE new_{step} AS
SELECT install, solution, min(time) AS {step} FROM (
    SELECT runs.install, runs.solution, time FROM step_runs AS runs {before}
    WHERE operation = '{operation}'
    UNION ALL SELECT install, solution, {step} FROM known_journeys WHERE {step} IS NOT NULL
) GROUP BY install, solution
"""

_SAME = "new_{0}.install = runs.install AND new_{0}.solution = runs.solution"

_FORGET = "DELETE FROM journeys WHERE rowid IN (SELECT row FROM known_journeys)"

_NEW = f"""
INSERT INTO journeys BY NAME
SELECT app, install, solution, {", ".join(JOURNEY)}
FROM {
    " LEFT JOIN ".join(
        f"new_{step} {'USING (install, solution)' if place else ''}"
        for place, step in enumerate(JOURNEY)
    )
} JOIN touched USING (install)
"""


def work_out(connection: duckdb.DuckDBPyConnection) -> None:
    """Work out how far the installs touched came with what they reported, in temporary tables."""
    connection.execute(_RUNS)
    connection.execute(_KNOWN)
    before = ""
    for step, operation in JOURNEY.items():
        connection.execute(_STEP.format(step=step, operation=operation, before=before))
        before = f"JOIN new_{step} ON {_SAME.format(step)} AND time >= {step}"


def put_in_place(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring ``journeys`` up to date, by what `work_out` found."""
    connection.execute(_FORGET)
    connection.execute(_NEW)
