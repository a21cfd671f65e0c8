"""Every exported table holds what the runs in the homes really did, in every cell."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.loop.cells import Cells, read, written
from tests.loop.conftest import Loop
from tests.loop.tables import COLUMNS, METRIC_COLUMNS, Row, Tables


def header(name: str) -> str:
    return COLUMNS.get(name, METRIC_COLUMNS)


def exported(folder: Path) -> dict[str, tuple[str, Cells]]:
    """The files of the design; what else is written is compared with references elsewhere."""
    designed = [p for p in folder.iterdir() if p.stem in COLUMNS or p.stem.startswith("metric_")]
    return {path.stem: read(path) for path in designed}


def expected(tables: Tables) -> dict[str, tuple[str, Cells]]:
    return {
        name: (header(name), written(header(name), rows)) for name, rows in tables.all().items()
    }


def test_enough_happened(loop: Loop) -> None:
    """There is something of everything, or the rest would prove little."""
    households = [one.household for one in loop.lived]
    assert len(households) >= 40
    assert sum(one.refused for one in households) >= 8
    assert sum(one.ci for one in households) >= 4
    assert len(loop.default_tables().errors) == 4


def test_who_refused_leaves_nothing_behind(loop: Loop) -> None:
    refused = [one for one in loop.lived if one.household.refused]
    assert [one.at_once for one in refused] == [set()] * len(refused)
    assert [one.files() for one in refused] == [set()] * len(refused)


def test_everyone_else_has_a_pseudonym_of_their_own(loop: Loop) -> None:
    installs = [one.install for one in loop.lived if not one.household.refused]
    assert None not in installs
    assert len(set(installs)) == len(installs)


def test_by_default_today_is_shown_and_counts_for_nothing_complete(
    loop: Loop, tmp_path: Path
) -> None:
    assert exported(loop.export(tmp_path)) == expected(loop.default_tables())


def test_as_of_today(loop: Loop, tmp_path: Path) -> None:
    out = loop.export(tmp_path, "--as-of", loop.today.isoformat())
    assert exported(out) == expected(loop.tables(loop.today, loop.today))


@pytest.mark.parametrize("later", [29, 30])
def test_later_all_of_them_have_left_or_are_too_early_to_tell(
    loop: Loop, tmp_path: Path, later: int
) -> None:
    as_of = loop.today + timedelta(days=later)
    out = loop.export(tmp_path, "--as-of", as_of.isoformat())
    assert exported(out) == expected(loop.tables(as_of, as_of))


def test_as_of_yesterday_nothing_had_happened(loop: Loop, tmp_path: Path) -> None:
    out = loop.export(tmp_path, "--as-of", (loop.today - timedelta(days=1)).isoformat())
    assert exported(out) == {name: (columns, []) for name, columns in COLUMNS.items()}


def test_small_cells_are_blank(loop: Loop, tmp_path: Path) -> None:
    least = 4
    as_of = loop.today + timedelta(days=45)
    tables = loop.tables(as_of, as_of)
    out = loop.export(tmp_path, "--as-of", as_of.isoformat(), "--min-cell", str(least))
    assert exported(out) == {
        name: (header(name), written(header(name), blanked(name, rows, least)))
        for name, rows in tables.all().items()
    }


INSTALLS = {
    "new_installs": "installs",
    "active_installs": "active_1,active_7,active_30",
    "lifecycle": "new,returning,resurrected,dormant",
    "retention": "size,active",
    "one_time": "installs,one_time,too_early",
}
"""The columns that count installs, where it is not one column named `installs`."""

ALSO_BLANK = {
    "retention": {"size": "active,share", "active": "share"},
    "os_spread": {"installs": "share"},
    "solution_deployments": {"installs": "attempts,succeeded"},
    "one_time": {"installs": "one_time,too_early,share", "one_time": "share"},
    "error_impact": {
        "installs": "visits,unmatched,left,expected,excess,ci_low,ci_high,q_value",
        "left": "excess,ci_low,ci_high",
    },
}
"""What else tells how many there are in a cell: it goes with it."""


def blanked(name: str, rows: list[Row], least: int) -> list[Row]:
    """The rows without the numbers of fewer installs than that; none where a row is an install."""
    if name == "left_after_error":
        return []
    counts = INSTALLS.get(name, "installs").split(",")
    counts += ["left", "unmatched"] if name == "error_impact" else []
    also = ALSO_BLANK.get(name, {"installs": "share"} if name not in COLUMNS else {})
    result = []
    for row in rows:
        cells = dict(zip(header(name).split(","), row, strict=True))
        small = [column for column in counts if (cells[column] or 0) < least]
        for column in small:
            gone = [column, *filter(None, also.get(column, "").split(","))]
            cells.update(dict.fromkeys(gone))
        result.append(tuple(cells.values()))
    return result
