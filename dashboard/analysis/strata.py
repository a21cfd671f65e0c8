"""Comparing visits with visits at the same place in an install's life, as finely as there are some.

What is counted by the points of visits is small, whatever the number of visits, and is matched in
memory.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis
import numpy as np
import pandas as pd
from ibis import _

from dashboard.analysis.engines import frame_of
from dashboard.analysis.history import History
from dashboard.schema import UNKNOWN

MIN_CONTROLS = 10
"""Control visits that a stratum needs before exposed visits are compared with it."""

# From the finest stratum to the coarsest; what is left out last matters most.
STRATA = (
    ("number_bin", "gap_bin", "version", "os", "month"),
    ("number_bin", "gap_bin", "version", "os"),
    ("number_bin", "gap_bin", "version"),
    ("number_bin", "gap_bin"),
    ("number_bin",),
)

LEVELS = range(len(STRATA))
"""Places of `STRATA`. The level of what finds no stratum lies beyond their end."""

SIDE_BY_SIDE = 1_000_000
"""Sums that are kept in an array with a place for each that there could be; where there could be
more, those that there are have to be numbered first."""

Counts = tuple[np.ndarray, np.ndarray]
"""Visits, and of these those at which the install left; both of the same length."""


def strata_of(history: History) -> np.ndarray:
    """The strata that each point lies in: a row a level, a column a point; both by their number."""
    frame = frame_of(_points, history)
    places = frame["point"].to_numpy()
    coded = {key: pd.factorize(frame[key]) for key in STRATA[0]}
    strata = np.full((len(STRATA), places.max(initial=0) + 1), -1)
    for level, keys in enumerate(STRATA):
        number = np.zeros(len(frame), np.int64)
        for codes, values in (coded[key] for key in keys):
            number = number * len(values) + codes
        strata[level, places] = np.unique(number, return_inverse=True)[1]
    return strata


def _points(history: History) -> ibis.Table:
    told = {name: _[name].fill_null(UNKNOWN) for name in ("version", "os")}
    return history.points.mutate(**told)


def in_strata(
    exposed: pd.DataFrame, strata: np.ndarray, controls: Callable[[np.ndarray], Counts]
) -> pd.DataFrame:
    """What has a `point` of its visits, each in the finest stratum with enough controls.

    Adds level (of `STRATA`), stratum (its number at that level), n0 (controls in it) and p0
    (share of them that left). What finds no stratum has the stratum −1, and no n0 and p0.

    Args:
        strata: of `strata_of`.
        controls: counts them in the stratum of each of `exposed`, at the level with this row of
            `strata`.
    """
    points = exposed["point"].to_numpy()
    level = np.full(len(exposed), len(STRATA))
    stratum = np.full(len(exposed), -1)
    n0, p0 = np.full(len(exposed), np.nan), np.full(len(exposed), np.nan)
    for place in LEVELS:
        visits, leavers = controls(strata[place])
        found = (level == len(STRATA)) & (visits >= MIN_CONTROLS)
        level[found] = place
        stratum[found] = strata[place][points[found]]
        n0[found], p0[found] = visits[found], leavers[found] / visits[found]
    return exposed.assign(level=level, stratum=stratum, n0=n0, p0=p0)


def sums_in(
    counted: pd.DataFrame, numbers: np.ndarray, places: pd.DataFrame, by: str | None = None
) -> Counts:
    """Sums of `counted` over the stratum of each of `places`.

    Args:
        counted: point, visits, leavers, and a number in the column `by`, within which they are
            summed.
        numbers: of the strata, by point.
        places: point, and the column `by`.
    """
    keys = [numbers[frame["point"].to_numpy()] for frame in (counted, places)]
    if by is not None:
        width = numbers.max() + 1
        keys = [key + width * frame[by] for key, frame in zip(keys, (counted, places), strict=True)]
    joined = np.concatenate(keys)
    if joined.max(initial=0) >= SIDE_BY_SIDE:
        joined = pd.factorize(joined)[0]
    counts, wanted = np.split(joined, [len(counted)])
    size = joined.max(initial=-1) + 1
    visits, leavers = (
        np.bincount(counts, counted[name], size)[wanted] for name in ("visits", "leavers")
    )
    return visits, leavers
