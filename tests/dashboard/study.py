"""The excess estimator on simulated projects, through the warehouse and the analysis themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from dashboard.analysis.history import History
from dashboard.analysis.interval import error_interval
from dashboard.analysis.proportion import Z95
from dashboard.analysis.scope import Scope
from dashboard.analysis.strata import MIN_CONTROLS
from dashboard.columns import ARRIVED
from dashboard.engine import Engine
from dashboard.merge import merge
from dashboard.schema import SCHEMA
from tests.dashboard.planted import DAYS, ERRORS, Error, Floats, Visits, simulate

FIRST = date(2025, 1, 1)
AT_ONCE = 25
"""Projects that share a warehouse."""

Estimate = Callable[[History], pd.DataFrame]

# A visit with errors is a report for each; one without is a run.
_ARRIVE = f"""
INSERT INTO arrived BY NAME
SELECT md5(visit || '-' || error)::UUID AS id, project::VARCHAR AS app,
    md5(install::VARCHAR)::UUID AS pseudonym,
    DATE '{FIRST}' + day::INTEGER AS day,
    epoch_ms((DATE '{FIRST}' + day::INTEGER)::TIMESTAMP) AS time,
    if(error < 0, 'run', 'error') AS kind, if(error < 0, NULL, error::VARCHAR) AS fingerprint,
    'Error' AS error_type, 'm:f' AS error_where,
    to_json({{package_version: version::VARCHAR, os: system::VARCHAR}})::VARCHAR AS metrics,
    false AS ci, 0 AS dropped, 0 AS received
FROM happened
"""


def study(
    projects: int,
    installs: int,
    seed: int,
    *,
    errors: tuple[Error, ...] = ERRORS,
    estimate: Estimate = error_interval,
) -> pd.DataFrame:
    """Plant errors in projects, estimate what they cost, and put both side by side.

    Args:
        installs: of each project.
        estimate: `error_interval` or `error_impact`.

    Returns:
        A row a project and error: project, error (its place in `errors`), planted (users it
        cost by design, over the same matched visits), the columns of the estimate, and
        naive_low, the lower end of the 95 % interval of a naive comparison: the share of leavers
        among visits with the error less that among visits without any.
    """
    parts = []
    for start in range(0, projects, AT_ONCE):
        count = min(AT_ONCE, projects - start)
        visits = simulate(count, installs, seed + start, errors)
        part = _estimated(visits, count, estimate).merge(_truth(visits, count))
        parts.append(part.assign(project=part["project"] + start))
    return pd.concat(parts, ignore_index=True)


def summary(frame: pd.DataFrame, errors: tuple[Error, ...]) -> pd.DataFrame:
    """A row an error: visits, planted and excess (means over projects), and shares of projects.

    covered: the interval holds what was planted; blamed: it lies above 0; naive: so does that
    of the naive comparison.
    """
    judged = frame.dropna(subset=["excess"])
    judged = judged.assign(
        covered=judged["planted"].between(judged["ci_low"], judged["ci_high"]),
        blamed=judged["ci_low"] > 0,
        naive=judged["naive_low"] > 0,
    )
    columns = ["visits", "planted", "excess", "covered", "blamed", "naive"]
    means = judged.groupby("error")[columns].mean()
    means.index = pd.Index([errors[place].name for place in means.index])
    return means


def _estimated(visits: Visits, projects: int, estimate: Estimate) -> pd.DataFrame:
    backend = _warehouse(visits)
    as_of = FIRST + timedelta(days=DAYS - 1)
    frames = []
    for project in range(projects):
        frame = estimate(History(Scope(str(project), as_of, as_of), backend.table))
        frames.append(frame.assign(project=project, error=frame["fingerprint"].astype(int)))
    backend.disconnect()
    return pd.concat(frames)


def _warehouse(visits: Visits) -> Engine:
    """A warehouse in memory that the visits' reports arrived in, each project an app."""
    backend: Engine = Engine().connect()
    connection = backend.con
    connection.execute(SCHEMA)
    connection.execute(ARRIVED)
    row, error = np.nonzero(visits.met)
    clean = np.flatnonzero(~visits.met.any(axis=1))
    visit = np.concatenate([row, clean])
    happened = {"visit": visit, "error": np.concatenate([error, np.full(len(clean), -1)])}
    for name in ("project", "install", "day", "version", "system"):
        happened[name] = getattr(visits, name)[visit]
    connection.register("happened", pa.table(happened))
    connection.execute(_ARRIVE)
    connection.unregister("happened")
    merge(connection)
    return backend


def _truth(visits: Visits, projects: int) -> pd.DataFrame:
    """Project, error, planted, naive_low."""
    planted, bins = visits.planted(), np.searchsorted([1, 2, 5, 10, 20, 50], visits.number)
    frames = []
    for error in range(visits.met.shape[1]):
        met = visits.judged & visits.met[:, error]
        controls = _count(visits, bins, visits.judged & ~visits.met[:, error], projects)
        # The coarsest stratum is the visit's number: who finds no controls there finds none.
        matched = met & (controls[visits.project, bins] >= MIN_CONTROLS)
        frame = pd.DataFrame({"project": range(projects), "error": error})
        frame["planted"] = np.bincount(visits.project[matched], planted[matched, error], projects)
        frame["naive_low"] = _naive_low(visits, met, projects)
        frames.append(frame)
    return pd.concat(frames)


def _count(visits: Visits, bins: np.ndarray, chosen: np.ndarray, projects: int) -> np.ndarray:
    counts = np.zeros((projects, 7), dtype=int)
    np.add.at(counts, (visits.project[chosen], bins[chosen]), 1)
    return counts


def _naive_low(visits: Visits, met: np.ndarray, projects: int) -> Floats:
    """Lower end of the 95 % interval of the difference of two shares of leavers, by project."""
    difference, variance = np.zeros(projects), np.zeros(projects)
    for chosen, sign in ((met, 1), (visits.judged & ~visits.met.any(axis=1), -1)):
        n = np.bincount(visits.project[chosen], minlength=projects)
        left = np.bincount(visits.project[chosen & visits.left], minlength=projects)
        share = left / np.maximum(n, 1)
        difference += sign * share
        variance += share * (1 - share) / np.maximum(n, 1)
    return np.asarray(difference - Z95 * np.sqrt(variance))
