"""Which installs came to which version, and when, kept up as reports are merged.

``adoptions`` holds the day of an install's first visit on each version, an untold one among them.
What lies before the first of the new days stays as it is, whatever is new, as earlier visits alone
decide it.

To be called by `dashboard.merge`, which makes the tables named here that `dashboard.schema` does
not know.
"""

from __future__ import annotations

import duckdb

from dashboard.schema import UNKNOWN

_KNOWN = """
CREATE TEMP TABLE known_adoptions AS
SELECT adoptions.rowid AS row, day < since AS stays, install, version
FROM adoptions JOIN touched USING (install)
"""

# The first visit on a version always comes from another one, or from none.
_NEW = f"""
CREATE TEMP TABLE new_adoptions AS
SELECT new.* FROM (
    SELECT app, install, coalesce(version, '{UNKNOWN}') AS version, min(day) AS day
    FROM new_visits WHERE moved GROUP BY ALL
) AS new ANTI JOIN (FROM known_adoptions WHERE stays) AS known USING (install, version)
"""

_FORGET = "DELETE FROM adoptions WHERE rowid IN (SELECT row FROM known_adoptions WHERE NOT stays)"


def work_out(connection: duckdb.DuckDBPyConnection) -> None:
    """Work out which versions the installs touched came to, in temporary tables."""
    connection.execute(_KNOWN)
    connection.execute(_NEW)


def put_in_place(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring ``adoptions`` up to date, by what `work_out` found."""
    connection.execute(_FORGET)
    connection.execute("INSERT INTO adoptions BY NAME FROM new_adoptions")
