"""What is said of the data itself: arrivals, metrics, fields, and the files to take along."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from msgspec.structs import fields as fields_of

from dashboard import dictionary
from dashboard.analysis.arrivals import arrivals, last_received
from dashboard.analysis.told_metrics import told_metrics
from dashboard.export import export, one_file, zipped
from dashboard.tables import table_names
from ingest.schema import ErrorInfo, Report
from tests.dashboard.histories import FIRST, LATE, history_of, ms, random_reports
from tests.dashboard.rows import rows_of

AS_OF = FIRST + timedelta(days=60)
REPORTS = random_reports(31, installs=60, days=61)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (None, None),
        (FIRST + timedelta(days=20), FIRST + timedelta(days=40)),
        (FIRST + timedelta(days=20), AS_OF),
    ],
)
def test_arrivals(since: date | None, until: date | None) -> None:
    reports = [r for r in REPORTS if r["time"] < ms(AS_OF + timedelta(days=1))]
    by_day: dict[date, Counter[str]] = {}
    for report in reports:
        day = (pd.Timestamp(0) + pd.Timedelta(milliseconds=report["received"])).date()
        if (since or date.min) <= day and (not until or until == AS_OF or day <= until):
            found = by_day.setdefault(day, Counter())
            found["reports"] += 1
            found["errors"] += report["kind"] == "error"
            found["late"] += report["received"] - report["time"] > LATE
            found["ci"] += report["ci"]
    with history_of(REPORTS, AS_OF, AS_OF, since=since, until=until, systems=("x",)) as history:
        rows = rows_of(arrivals(history))
    names = ("reports", "errors", "late", "ci")
    assert [row for row in rows if row[1]] == [
        (day, *(by_day[day][name] for name in names)) for day in sorted(by_day)
    ]
    assert [row[0] for row in rows] == [
        rows[0][0] + timedelta(days=n) for n in range((rows[-1][0] - rows[0][0]).days + 1)
    ]


# As of a day within the reports, and of one after them all.
@pytest.mark.parametrize("as_of", [AS_OF, date(2100, 1, 1)])
def test_the_last_report_received(as_of: date) -> None:
    shown = [r["received"] for r in REPORTS if r["time"] < ms(as_of + timedelta(days=1))]
    with history_of(REPORTS, as_of, as_of, since=AS_OF, systems=("x",)) as history:
        ((reports, received),) = last_received(history).to_pandas().itertuples(index=False)
    assert reports == len(shown)
    assert received == pd.Timestamp(0) + pd.Timedelta(milliseconds=max(shown))


def test_no_report_received() -> None:
    with history_of(REPORTS, AS_OF, AS_OF, app="other") as history:
        ((reports, received),) = last_received(history).to_pandas().itertuples(index=False)
    assert (reports, received) == (0, pd.NaT)


def told(**metrics: Any) -> list[Any]:
    """The row of one metric that three installs told."""
    ((name, values),) = metrics.items()
    reports = [
        {
            "id": f"{n:032x}",
            "app": "tool",
            "install": f"{n:032x}",
            "time": ms(FIRST),
            "kind": "run",
            "metrics": {name: value},
        }
        for n, value in enumerate(values)
    ]
    with history_of(reports, AS_OF, AS_OF) as history:
        return rows_of(told_metrics(history))


@pytest.mark.parametrize(
    ("values", "row"),
    [
        ((1, 2, 2), ("number", 2, 3, "2", 2)),
        ((1.5, -2, 3e30), ("number", 3, 3, "-2", 1)),
        ((True, False, False), ("yes or no", 2, 3, "false", 2)),
        ((True, 1, 1), ("text", 2, 3, "1", 2)),
        (("3.12", "3.9", "3.9"), ("number", 2, 3, "3.9", 2)),
        (("nan", "inf", "1"), ("text", 3, 3, "1", 1)),
        (("b", "a", "a\n"), ("text", 3, 3, "a", 1)),
    ],
)
def test_what_a_metrics_values_look_like(values: tuple[Any, ...], row: tuple[Any, ...]) -> None:
    assert told(own=values) == [("own", *row)]


def test_every_field_of_a_report_is_in_the_dictionary() -> None:
    of_reports = [field.name for field in fields_of(Report)]
    of_errors = [f"error.{field.name}" for field in fields_of(ErrorInfo)]
    told = [field for field, _, _ in dictionary.FIELDS]
    assert sorted(told) == sorted([*of_reports, *of_errors])


@pytest.mark.parametrize("least", [1, 5])
def test_the_zip_holds_the_exported_files(tmp_path: Path, least: int) -> None:
    with history_of(REPORTS, AS_OF, AS_OF) as history:
        written = export(history, tmp_path, min_cell=least)
        with zipfile.ZipFile(io.BytesIO(zipped(history, None, least))) as archive:
            found = {name: archive.read(name) for name in archive.namelist()}
        assert found == {path.name: path.read_bytes() for path in written}
        assert [f"{name}.csv" for (name,) in rows_of(table_names(history))] == list(found)
        alone = one_file(history, "lifecycle", None, least)
        assert alone == (tmp_path / "lifecycle.csv").read_bytes()
