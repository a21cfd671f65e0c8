"""The exported files say of the demo project what is true of it, cell by cell."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dashboard.export import export
from tests.dashboard.histories import history_of
from tests.rtdb.server import ROOT

SIZES = [(400, 500, 1), (30, 40, 2), (1, 1, 3)]
"""Installs, days, seed."""


@pytest.mark.parametrize(("installs", "days", "seed"), SIZES)
def test_export_tells_the_truth(installs: int, days: int, seed: int, tmp_path: Path) -> None:
    reports, truth = simulated(installs, days, seed, tmp_path)
    as_of = date.fromisoformat(truth["as_of"])
    with history_of(reports, as_of, as_of, app=truth["app"]) as history:
        written = {path.stem for path in export(history, tmp_path / "out")}
    assert written >= {*truth["tables"], "error_impact"}
    for name, rows in truth["tables"].items():
        with (tmp_path / "out" / f"{name}.csv").open(newline="") as file:
            found = list(csv.DictReader(file))
        assert ordered(found) == ordered(rows), name


def simulated(
    installs: int, days: int, seed: int, folder: Path
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Reports of a demo project, and its truth."""
    size = ["--installs", str(installs), "--days", str(days), "--seed", str(seed)]
    files = ["--out", str(folder / "reports.jsonl"), "--truth", str(folder / "truth.json")]
    command = [sys.executable, "-m", "demo", *size, *files]
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    lines = (folder / "reports.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines], json.loads((folder / "truth.json").read_text())


def ordered(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return sorted(({name: plain(cell) for name, cell in row.items()} for row in rows), key=str)


def plain(cell: Any) -> str:
    """A cell as text, numbers to twelve digits, whichever of the two files it comes from."""
    if cell is None:
        return ""
    try:
        return f"{float(cell):.12g}"
    except ValueError:
        return str(cell)
