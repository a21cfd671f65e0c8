"""The same questions asked of the raw table of reports, in SQL and in pandas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboard.warehouse import Snapshot

_VISITS = "SELECT DISTINCT install, day FROM reports WHERE NOT ci"


@dataclass(frozen=True)
class Question:
    """A question in two languages; both answer with a row for each of the table's."""

    sql: str
    in_pandas: Callable[[pd.DataFrame], pd.DataFrame | pd.Series]

    def in_duckdb(self, snapshot: Snapshot) -> Sequence[Any]:
        """The rows that DuckDB finds."""
        rows: Sequence[Any] = snapshot.connection.raw_sql(self.sql).fetchall()
        return rows


def as_pandas(snapshot: Snapshot) -> pd.DataFrame:
    """install, day, os, os_version: a row a report."""
    sql = """
    SELECT install, day::TIMESTAMP AS day, time, os, os_version
    FROM reports JOIN profiles USING (profile)
    WHERE NOT ci
    """
    frame: pd.DataFrame = snapshot.connection.raw_sql(sql).df()
    return frame.astype({"os": "category", "os_version": "category"})


def _new_installs(reports: pd.DataFrame) -> pd.Series:
    first = reports.groupby("install")["day"].min().value_counts()
    return first.reindex(_every_day(reports), fill_value=0)


def _active_installs(reports: pd.DataFrame) -> pd.DataFrame:
    visits = reports[["install", "day"]].drop_duplicates().sort_values(["install", "day"])
    following = visits.groupby("install")["day"].shift(-1)
    active = {}
    for span in (1, 7, 30):
        end = visits["day"] + pd.Timedelta(days=span)
        end = end.where(~(following < end), following)
        change = visits["day"].value_counts().sub(end.value_counts(), fill_value=0)
        active[span] = change.reindex(_every_day(reports), fill_value=0).cumsum()
    return pd.DataFrame(active)


def _retention(reports: pd.DataFrame) -> pd.DataFrame:
    week = reports["day"] - pd.to_timedelta(reports["day"].dt.dayofweek, unit="D")
    seen = pd.DataFrame({"install": reports["install"], "week": week}).drop_duplicates()
    seen["cohort"] = seen.groupby("install")["week"].transform("min")
    counts = seen.groupby(["cohort", "week"]).size()
    sizes = seen.drop_duplicates("install").groupby("cohort").size()
    weeks = pd.date_range(week.min(), week.max(), freq="7D")
    cells = [(cohort, one) for cohort in sizes.index for one in weeks if one >= cohort]
    frame = counts.reindex(cells, fill_value=0).to_frame("active")
    frame["size"] = sizes.reindex(frame.index.get_level_values(0)).to_numpy()
    return frame


def _os_spread(reports: pd.DataFrame) -> pd.Series:
    last = reports.sort_values(["install", "time"]).drop_duplicates("install", keep="last")
    return last.groupby(["os", "os_version"], observed=True).size()


def _every_day(reports: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.date_range(reports["day"].min(), reports["day"].max())


QUESTIONS = {
    "new_installs": Question(
        """
        WITH firsts AS (
            SELECT install, min(day) AS day FROM reports WHERE NOT ci GROUP BY install
        ), days AS (
            SELECT unnest(range(min(day), max(day) + 1, INTERVAL 1 DAY))::DATE AS day
            FROM reports WHERE NOT ci
        )
        SELECT day, count(install) FROM days LEFT JOIN firsts USING (day) GROUP BY day
        """,
        _new_installs,
    ),
    "active_installs": Question(
        f"""
        WITH visits AS (
            SELECT day, lead(day) OVER (PARTITION BY install ORDER BY day) AS next_day
            FROM ({_VISITS})
        ), days AS (
            SELECT unnest(range(min(day), max(day) + 1, INTERVAL 1 DAY))::DATE AS day FROM visits
        ), changes AS (
            SELECT day, 1 AS one, 1 AS seven, 1 AS thirty FROM visits
            UNION ALL SELECT least(day + 1, next_day), -1, 0, 0 FROM visits
            UNION ALL SELECT least(day + 7, next_day), 0, -1, 0 FROM visits
            UNION ALL SELECT least(day + 30, next_day), 0, 0, -1 FROM visits
        )
        SELECT day, sum(sum(one)) OVER (ORDER BY day), sum(sum(seven)) OVER (ORDER BY day),
            sum(sum(thirty)) OVER (ORDER BY day)
        FROM days LEFT JOIN changes USING (day) GROUP BY day
        """,
        _active_installs,
    ),
    "retention": Question(
        """
        WITH seen AS (
            SELECT DISTINCT install, date_trunc('week', day) AS week FROM reports WHERE NOT ci
        ), cohorts AS (
            SELECT install, min(week) AS cohort FROM seen GROUP BY install
        ), counts AS (
            SELECT cohort, week, count(*) AS active FROM seen JOIN cohorts USING (install)
            GROUP BY ALL
        ), sizes AS (SELECT cohort, count(*) AS size FROM cohorts GROUP BY cohort)
        SELECT cohort, week, size, coalesce(active, 0)
        FROM sizes JOIN (SELECT DISTINCT week FROM seen) ON week >= cohort
            LEFT JOIN counts USING (cohort, week)
        """,
        _retention,
    ),
    "os_spread": Question(
        """
        SELECT profiles.os, os_version, count(*) FROM (
            SELECT install, arg_max(profile, (time, id)) AS profile FROM reports WHERE NOT ci
            GROUP BY install
        ) JOIN profiles USING (profile) GROUP BY ALL
        """,
        _os_spread,
    ),
}
