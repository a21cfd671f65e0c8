"""How long users stay after an error, beside like users who did not meet it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis import literal as lit
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from dashboard.analysis.engines import frame_of, kept
from dashboard.analysis.history import History
from dashboard.analysis.proportion import Z95
from dashboard.analysis.pseudonyms import digits
from dashboard.analysis.strata import LEVELS, in_strata, strata_of, sums_in

MOST_EXPOSED = 5_000
"""Installs with the error that are followed; a picture needs no more."""

MOST_CONTROLS = 50_000
"""Installs beyond which controls are drawn from a sixteenth of them, or of that a sixteenth."""

LOTS = 16**4
"""Of an install, see `dashboard.schema`."""

WITH, WITHOUT = "with the error", "without"


def matched_sample(history: History, fingerprint: str) -> pd.DataFrame:
    """install, exposed, stratum, days, left: users with the error and their controls.

    - exposed: each install once, from its first visit in the period with the error that is not
      censored; where there are more than `MOST_EXPOSED`, those whose pseudonyms, which are
      random, come first
    - controls: each install once, from a visit without any error: the one whose number its
      pseudonym draws among the numbers of the exposed visits, if it came so far
    - stratum: a number; of `dashboard.analysis.strata`, the finest that holds ten of these
      controls. Missing for an exposed visit that found none. A control stands in every stratum
      that it belongs to and an exposed visit is in: seldom two, a finer and a coarser one
    - days: from the visit to the first one, itself included, at which the install left; or to
      the last day on which leaving can be told
    - left: whether it did
    """
    followed = frame_of(_followed, history, fingerprint, MOST_EXPOSED, _zeros(history))
    frame = _placed(followed, strata_of(history))
    frame = frame[["install", "exposed", "stratum", "days", "left"]]
    return frame.sort_values(["exposed", "stratum", "install"], ignore_index=True)


def survival(sample: pd.DataFrame) -> pd.DataFrame:
    """group, day, at_risk, survival, low, high: two curves, by days since the visit.

    `survival` is the share that stayed longer than that many days: the estimate of Kaplan and
    Meier (1958, JASA 53:457–481). Controls weigh as much in each stratum as the exposed there.
    `at_risk` installs are still followed that day. `low` and `high` are the 95 % interval of
    log(−log) with Greenwood's variance, for weighted controls at their effective number (Kish
    1965, (Σw)²/Σw²).
    """
    matched = _weighted(sample)
    curves = [_curve(name, group) for name, group in matched.groupby("group") if len(group)]
    columns = ["group", "day", "at_risk", "survival", "low", "high"]
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=columns)


@dataclass(frozen=True)
class LogRank:
    """Did those with the error leave sooner or later than their controls?"""

    exposed: int
    """Installs with the error that found controls."""
    unmatched: int
    controls: int
    statistic: float | None
    """Chi-square with one degree of freedom; None where nobody left, or there is nobody."""
    p_value: float | None


def log_rank(sample: pd.DataFrame) -> LogRank:
    """Test the curves of a `matched_sample` by the log-rank test, stratified as it is matched.

    Null hypothesis: within each stratum both leave at the same rate at all times (Mantel 1966,
    Cancer Chemotherapy Reports 50:163–170).
    """
    matched = sample[sample["stratum"].notna()]
    exposed, unmatched = int(matched["exposed"].sum()), int(sample["stratum"].isna().sum())
    counts = exposed, unmatched, len(matched) - exposed
    columns = ("days", "left", "exposed", "stratum")
    try:
        if matched.empty:
            raise np.linalg.LinAlgError
        days, left, group, stratum = (matched[name].to_numpy(np.int64) for name in columns)
        statistic = float(survdiff(days, left, group, strata=stratum)[0])
    except np.linalg.LinAlgError:  # the difference has no variance
        return LogRank(*counts, None, None)
    return LogRank(*counts, statistic, float(stats.chi2.sf(statistic, 1)))


def _first_exposed(history: History, fingerprint: str) -> ibis.Table:
    exposed = history.met(fingerprint).filter(~_.censored)
    # Numbers grow with the days.
    exposed = exposed.group_by("install").agg(
        day=_.day.min(), number=_.number.min(), point=_.point.argmin(_.number)
    )
    exposed = exposed.inner_join(history.installs, "install")
    return exposed.order_by("pseudonym")


def _zeros(history: History) -> int:
    """Zeros that pseudonyms begin with, of few enough installs."""
    installs = frame_of(_installs, history)["installs"].iloc[0]
    zeros = 0
    while installs > MOST_CONTROLS * 16**zeros:
        zeros += 1
    return zeros


def _installs(history: History) -> ibis.Table:
    """installs: how many there are."""
    return history.every_cell.agg(installs=_.visits.sum(where=_.is_new).fill_null(0))


def _followed(history: History, fingerprint: str, most: int, zeros: int) -> ibis.Table:
    """What became of the exposed and of controls: install, exposed, point, days, left."""
    exposed = kept(_first_exposed(history, fingerprint).limit(most), "exposed")
    chosen = kept(_some_installs(history, zeros), "chosen")
    lives = kept(_lives(history, exposed, chosen), "lives")
    columns = ("install", "pseudonym", "day", "point")
    rows = exposed.select(*columns, exposed=lit(True)).union(
        _controls(exposed, lives.inner_join(chosen, "install")).select(*columns, exposed=lit(False))
    )
    return _ends(rows, lives, history.scope.last_judged)


def _some_installs(history: History, zeros: int) -> ibis.Table:
    """Those whose pseudonyms begin with so many zeros."""
    last = ibis.uuid(UUID(int=16 ** (32 - zeros) - 1))
    return history.installs.filter(_.pseudonym <= last) if zeros else history.installs


def _lives(history: History, *installs: ibis.Table) -> ibis.Table:
    """The visits of some installs that are not censored: install, day, number, point, errors,
    left."""
    visits = history.visits.filter(~_.censored)
    visits = visits.select("install", "day", "number", "point", "errors", "left")
    return visits.semi_join(ibis.union(*(some.select("install") for some in installs)), "install")


def _controls(exposed: ibis.Table, visits: ibis.Table) -> ibis.Table:
    """Of each install, at most the visit whose number it draws, where that met no error.

    Were all its visits controls, its leaving would count many times over. And it must not matter
    what came after a visit, so neither the last one nor one by chance among all of them will do.
    """
    numbers = exposed.group_by("number").agg(n=_.count())
    numbers = numbers.mutate(
        upto=_.n.sum().over(ibis.cumulative_window(order_by="number")),
        total=_.n.sum().over(ibis.window()),
    )
    drawn = visits.filter(_.errors == 0).inner_join(numbers, "number")
    place = drawn.lot * drawn.total
    return drawn.filter(place >= (drawn.upto - drawn.n) * LOTS, place < drawn.upto * LOTS)


def _ends(rows: ibis.Table, lives: ibis.Table, last_judged: date) -> ibis.Table:
    """What became of each: install, exposed, point, days, left."""
    leaving = lives.filter(_.left).select("install", left_on="day")
    later = rows.left_join(leaving, ["install", rows.day <= leaving.left_on])
    first = later.group_by(*rows.columns).agg(left_on=_.left_on.min())
    end = first.left_on.fill_null(lit(last_judged))
    return first.select(
        digits(first.pseudonym).name("install"),
        "exposed",
        "point",
        days=end.delta(first.day, unit="day"),
        left=first.left_on.notnull(),
    )


def _placed(rows: pd.DataFrame, strata: np.ndarray) -> pd.DataFrame:
    """The exposed, and controls in the strata of these, with the number of each one's stratum."""
    met = rows["exposed"].to_numpy()
    exposed, controls = rows.loc[met, ["point"]], rows.loc[~met, ["point", "left"]]
    counted = controls.assign(visits=1, leavers=controls["left"])
    exposed = in_strata(exposed, strata, lambda numbers: sums_in(counted, numbers, exposed))
    # A stratum's number within its level, made one of all levels.
    width = strata.max(initial=0) + 1
    of_exposed = (exposed["level"] * width + exposed["stratum"]).to_numpy()
    matched = exposed["n0"].notna().to_numpy()
    found = np.unique(of_exposed[matched])
    numbers = np.where(matched, np.searchsorted(found, of_exposed) + 1.0, np.nan)
    of_controls = strata[:, controls["point"]] + width * np.array(LEVELS)[:, np.newaxis]
    inside = np.isin(of_controls, found)
    places = np.flatnonzero(met), np.flatnonzero(~met)[np.nonzero(inside)[1]]
    numbers = np.append(numbers, np.searchsorted(found, of_controls[inside]) + 1.0)
    return rows.take(np.concatenate(places)).assign(stratum=numbers)


def _weighted(sample: pd.DataFrame) -> pd.DataFrame:
    """The matched rows, with group and weight: that of controls is n₁/n₀ in their stratum."""
    matched = sample[sample["stratum"].notna()]
    exposed = matched["exposed"].astype(bool)
    n1 = exposed.groupby(matched["stratum"]).transform("sum")
    n0 = (~exposed).groupby(matched["stratum"]).transform("sum")
    return matched.assign(
        group=np.where(exposed, WITH, WITHOUT), weight=np.where(exposed, 1.0, n1 / n0)
    )


def _curve(name: object, group: pd.DataFrame) -> pd.DataFrame:
    days, weight = group["days"].to_numpy(np.int64), group["weight"].to_numpy()
    effective = weight * weight.sum() / (weight**2).sum()
    fitted = SurvfuncRight(days, group["left"].to_numpy(np.int64), freq_weights=effective)
    n, d = fitted.n_risk, fitted.n_events
    # Where all at risk leave, the estimate is 0 and its logarithm has no variance.
    hazard = np.divide(d, n * (n - d), out=np.full(len(n), np.nan), where=n - d > 1e-9 * n)
    every = np.arange(days.max() + 1)
    place = np.searchsorted(fitted.surv_times, every, side="right")
    curve = pd.DataFrame(
        {
            "group": name,
            "day": every,
            "at_risk": len(days) - np.searchsorted(np.sort(days), every),
            "survival": np.r_[1.0, fitted.surv_prob][place],
        }
    )
    deviation = np.sqrt(np.r_[0.0, np.cumsum(hazard)][place])
    return curve.join(_interval(curve["survival"].to_numpy(), deviation))


def _interval(share: np.ndarray, deviation: np.ndarray) -> pd.DataFrame:
    """low and high: the interval of log(−log S) carried back; 1 and 0 have none but themselves."""
    inside = (share > 0) & (share < 1)
    safe = np.where(inside, share, 0.5)
    reach = np.exp(Z95 * np.where(inside, deviation, 0.0) / -np.log(safe))
    low = np.where(inside, safe**reach, share)
    high = np.where(inside, safe ** (1 / reach), share)
    return pd.DataFrame({"low": low, "high": high})
