"""Planted errors strike whom they should and drive away whom they should."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict

import pytest

from demo.days import month
from demo.project import ERRORS, HORIZON, PlantedError
from demo.visits import Visit
from tests.demo.simulated import UNTIL, simulated

SIZE = (5_000, 730)
SEEDS = (1, 2, 3)
Stratum = tuple[int | str, ...]


def people(seed: int) -> list[Visit]:
    return [visit for visit in simulated(*SIZE, seed).visits if not visit.ci]


def struck(seed: int, error: PlantedError) -> list[Visit]:
    found = [visit for visit in people(seed) if visit.error is error]
    assert len(found) > 50
    return found


def error_of(character: str) -> PlantedError:
    return next(error for error in ERRORS if error.character == character)


def left(visit: Visit) -> bool:
    return visit.next_day is None or visit.next_day - visit.day > HORIZON


def test_there_is_one_of_each_character_and_some_background() -> None:
    characters = Counter(error.character for error in ERRORS)
    background = characters.pop("background")
    assert background >= 2
    assert characters == {
        "drives_away": 1,
        "bad_version": 1,
        "heavy_users_only": 1,
        "first_timers_only": 1,
    }


def test_only_heavy_users_meet_the_error_of_heavy_users() -> None:
    assert min(visit.number for visit in struck(1, error_of("heavy_users_only"))) >= 21


def test_only_first_timers_meet_the_error_of_first_timers() -> None:
    assert {visit.number for visit in struck(1, error_of("first_timers_only"))} == {1}


def test_the_bad_version_has_its_error_alone() -> None:
    error = error_of("bad_version")
    for visit in struck(1, error):
        crashes = [run for run in visit.runs if run.error is error]
        assert {run.metrics["package_version"] for run in crashes} == {error.version}
    releases = [release.version for release in simulated(*SIZE, 1).project.releases]
    assert releases.index(str(error.version)) < len(releases) - 1  # and a later one fixes it


def test_who_is_driven_away_never_returns() -> None:
    gone: set[str] = set()
    for visit in simulated(*SIZE, 1).visits:
        assert visit.install not in gone
        if visit.driven_away:
            assert visit.error is not None
            assert visit.error.effect > 0
            gone.add(visit.install)
    assert len(gone) > 100


@pytest.mark.parametrize("seed", SEEDS)
def test_truth_counts_what_each_error_did(seed: int) -> None:
    truth = {error["fingerprint"]: error for error in simulated(*SIZE, seed).truth["errors"]}
    assert set(truth) == {error.fingerprint for error in ERRORS}
    for error in ERRORS:
        visits = struck(seed, error)
        known = [visit for visit in visits if visit.day <= UNTIL - HORIZON]
        found = truth[error.fingerprint]
        assert found["visits"] == len(known)
        assert found["installs"] == len({visit.install for visit in visits})
        assert found["left"] == sum(map(left, known))
        lost = [visit for visit in known if visit.driven_away and not visit.would_leave]
        assert found["lost"] == len(lost)
        assert found["driven_away"] == sum(visit.driven_away for visit in visits)
        assert (found["lost"] > 0) == (error.effect > 0)
        # Lost are drawn visit by visit, so they scatter about what was planted.
        assert abs(found["lost"] - found["expected_excess"]) < 4 * math.sqrt(len(known) * 0.25)


def stratum(visit: Visit) -> Stratum:
    metrics = visit.runs[-1].metrics
    return (
        bisect_left((1, 2, 5, 10, 20, 50), visit.number),
        -1 if visit.gap is None else bisect_left((1, 3, 7, 14, 30), visit.gap),
        str(metrics["package_version"]),
        str(metrics["os"]),
        month(visit.day),
    )


def matched_z(visits: list[Visit], error: PlantedError) -> tuple[float, float]:
    """Excess leavers among the exposed, matched as the design says, and its z under no effect."""
    known = [visit for visit in visits if visit.day <= UNTIL - HORIZON]
    controls: defaultdict[Stratum, list[bool]] = defaultdict(list)
    for visit in known:
        if visit.error is None:
            for size in range(1, 6):
                controls[stratum(visit)[:size]].append(left(visit))
    excess = variance = 0.0
    used: Counter[Stratum] = Counter()
    for visit in known:
        if visit.error is error:
            sizes = (size for size in range(5, 0, -1) if len(controls[stratum(visit)[:size]]) >= 10)
            place = stratum(visit)[: next(sizes)]
            used[place] += 1
            excess += left(visit) - sum(controls[place]) / len(controls[place])
    for place, n in used.items():
        n0, p0 = len(controls[place]), sum(controls[place]) / len(controls[place])
        variance += (n + n * (n + 1) / (n0 - 1)) * p0 * (1 - p0)
    return excess, excess / math.sqrt(variance)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_matched_comparison_sees_the_harmful_errors_and_no_other(seed: int) -> None:
    expected = {
        error["fingerprint"]: error["expected_excess"]
        for error in simulated(*SIZE, seed).truth["errors"]
    }
    for error in ERRORS:
        excess, z = matched_z(people(seed), error)
        if error.effect:
            assert z > 5
            assert abs(excess - expected[error.fingerprint]) < 0.5 * expected[error.fingerprint]
        else:
            assert abs(z) < 3.3


def test_the_bare_share_of_leavers_blames_first_timers_error_and_clears_heavy_users_error() -> None:
    visits = people(1)

    def share(among: list[Visit]) -> float:
        return sum(map(left, among)) / len(among)

    usual = share([visit for visit in visits if visit.error is None])
    assert share(struck(1, error_of("first_timers_only"))) > 4 * usual
    assert share(struck(1, error_of("heavy_users_only"))) < 0.5 * usual
