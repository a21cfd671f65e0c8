"""Survival after an error, against published values, and who is compared with whom."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from dashboard.analysis import survival as module
from dashboard.analysis.survival import WITH, WITHOUT, log_rank, matched_sample, survival
from tests.dashboard.histories import ERRORS, FIRST, history_of, random_reports

# Remission of leukaemia in weeks with 6-MP and with a placebo: Freireich et al. 1963, Blood
# 21:699–716; the estimates as in Kalbfleisch & Prentice 2002, section 1.1, and Cox & Oakes 1984.
MP_WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
MP_RELAPSE = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO_WEEKS = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def sample(copies: int = 1) -> pd.DataFrame:
    """The two arms, that with the placebo so many times over."""
    exposed = pd.DataFrame({"days": MP_WEEKS, "left": MP_RELAPSE, "exposed": True})
    controls = pd.DataFrame({"days": PLACEBO_WEEKS * copies, "left": 1, "exposed": False})
    return pd.concat([exposed, controls], ignore_index=True).assign(stratum=1.0)


def at(curve: pd.DataFrame, column: str, days: list[int]) -> list[float]:
    return list(curve.set_index("day")[column][days])


def test_kaplan_meier_is_as_published() -> None:
    curves = survival(sample())
    mp, placebo = (curves[curves["group"] == name] for name in (WITH, WITHOUT))
    weeks = [5, 6, 7, 10, 13, 16, 22, 23, 35]
    published = [1, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448, 0.448]
    assert at(mp, "survival", weeks) == pytest.approx(published, abs=5e-4)
    assert at(mp, "at_risk", [0, 6, 7, 10, 13, 16, 22, 23]) == [21, 21, 17, 15, 12, 11, 7, 6]
    weeks = [0, 1, 2, 3, 4, 5, 8, 11, 12, 15, 17, 22, 23]
    remaining = [21, 19, 17, 16, 14, 12, 8, 6, 4, 3, 2, 1, 0]  # nobody is censored
    assert at(placebo, "survival", weeks) == pytest.approx([n / 21 for n in remaining])
    assert len(mp) == 36
    assert len(placebo) == 24


def test_interval_is_that_of_r() -> None:
    """survfit(..., conf.type = "log-log") of R, as lifelines has it too."""
    mp = survival(sample()).query("group == @WITH")
    assert at(mp, "low", [5, 6, 10, 23]) == pytest.approx(
        [1, 0.619718, 0.503200, 0.188052], abs=1e-6
    )
    assert at(mp, "high", [5, 6, 10, 23]) == pytest.approx(
        [1, 0.951552, 0.889362, 0.680143], abs=1e-6
    )
    placebo = survival(sample()).query("group == @WITHOUT")
    assert at(placebo, "low", [23]) == at(placebo, "high", [23]) == [0]


def test_log_rank_is_as_published() -> None:
    test = log_rank(sample())
    assert (test.exposed, test.controls, test.unmatched) == (21, 21, 0)
    assert test.statistic == pytest.approx(16.79, abs=5e-3)
    assert test.p_value == pytest.approx(4.17e-5, abs=5e-8)


def test_more_controls_make_the_same_curve_surer() -> None:
    one, three = (survival(sample(n)).query("group == @WITHOUT") for n in (1, 3))
    assert list(three["survival"]) == pytest.approx(list(one["survival"]))
    inside = (one["survival"] > 0) & (one["survival"] < 1)
    assert (three["low"][inside] > one["low"][inside]).all()
    assert (three["high"][inside] < one["high"][inside]).all()


def test_a_stratum_weighs_as_it_does_among_the_exposed() -> None:
    """Ten of a stratum where all stay and one of another where all leave: controls the same."""
    rows = [(True, 1, 9, False)] * 10 + [(True, 2, 0, True)]
    rows += [(False, 1, 9, False)] * 5 + [(False, 2, 0, True)] * 50
    frame = pd.DataFrame(rows, columns=["exposed", "stratum", "days", "left"])
    curves = survival(frame).set_index(["group", "day"])["survival"]
    assert curves[WITHOUT, 5] == pytest.approx(curves[WITH, 5]) == pytest.approx(10 / 11)
    assert log_rank(frame).statistic is None  # nobody else could have left


def test_nobody_to_compare() -> None:
    nobody = pd.DataFrame({"exposed": [True], "stratum": [np.nan], "days": [3], "left": [True]})
    for frame in (nobody, nobody.iloc[:0]):
        assert survival(frame).empty
        assert log_rank(frame).statistic is None
    assert log_rank(nobody).unmatched == 1


def test_of_many_installs_some_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is, is decided by the pseudonym alone: the first exposed, controls with a leading 0."""
    as_of = FIRST + timedelta(days=119)
    reports = random_reports(1, installs=300, days=120)
    with history_of(reports, as_of, as_of) as history:
        whole = matched_sample(history, ERRORS[0][0])
        monkeypatch.setattr(module, "MOST_EXPOSED", 10)
        monkeypatch.setattr(module, "MOST_CONTROLS", 30)
        some = matched_sample(history, ERRORS[0][0])
    exposed = sorted(whole[whole["exposed"]]["install"])
    assert sorted(some[some["exposed"]]["install"]) == exposed[:10]
    controls = some[~some["exposed"]]["install"]
    assert set(controls) <= set(whole[~whole["exposed"]]["install"])
    assert len(controls)
    assert controls.str.startswith("0").all()
