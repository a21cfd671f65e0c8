"""What an error cost, against what was planted in simulated projects: see docs/churn.md."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.dashboard.planted import ERRORS
from tests.dashboard.study import study, summary

PROJECTS = 200


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    frame = study(PROJECTS, 2_000, seed=1_000)
    assert len(frame) == PROJECTS * len(ERRORS)
    assert not frame["unmatched"].any()
    assert frame["excess"].notna().all()
    return frame


def test_the_interval_covers_what_was_planted(found: pd.DataFrame) -> None:
    covered = found["planted"].between(found["ci_low"], found["ci_high"])
    assert 0.93 <= covered.mean() <= 0.97
    # Of each error there are 200: three standard errors of a share of 95 % are 4.6 points.
    assert summary(found, ERRORS)["covered"].min() > 0.95 - 0.046


def test_the_estimate_is_what_was_planted(found: pd.DataFrame) -> None:
    of_all = summary(found, ERRORS)
    costly = of_all[of_all["planted"] > 0]
    assert len(costly) == 3
    assert costly["excess"].tolist() == pytest.approx(costly["planted"].tolist(), rel=0.05)


def test_a_harmless_error_is_not_blamed(found: pd.DataFrame) -> None:
    harmless = [place for place, error in enumerate(ERRORS) if error.harmless]
    assert len(harmless) == 3
    of_these = found[found["error"].isin(harmless)]
    assert (of_these["planted"] == 0).all()
    assert (of_these["ci_low"] > 0).mean() <= 0.05
    proven = (of_these["q_value"] < 0.05) & (of_these["excess"] > 0)
    assert proven.groupby(of_these["error"]).mean().max() <= 0.05


def test_a_naive_comparison_blames_it_and_overlooks_a_costly_one(found: pd.DataFrame) -> None:
    of_all = summary(found, ERRORS)
    assert of_all.loc["harmless, met by first-timers", "naive"] > 0.95
    missed = 1 - of_all.loc["drives heavy users away"]
    assert missed["blamed"] < 0.05
    assert missed["naive"] > 0.25
