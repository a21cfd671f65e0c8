"""The CSV files: what a spreadsheet and a program make of them."""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from io import BytesIO, StringIO
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from dashboard.__main__ import main
from dashboard.analysis.history import History
from dashboard.analysis.scope import Scope
from dashboard.export import csv_bytes, export, parquet_bytes, suppressed
from dashboard.sentry import SentryLinks
from dashboard.tables import Table, table
from dashboard.warehouse import Warehouse
from tests.dashboard.histories import FIRST, fill, history_of, random_reports
from tests.rtdb.server import ROOT

DESIGNED = {
    "new_installs": "day,installs",
    "active_installs": "day,active_1,active_7,active_30",
    "lifecycle": "week,new,returning,resurrected,dormant",
    "retention": "cohort,size,week,active,share",
    "version_adoption": "week,version,installs",
    "os_spread": "os,os_version,installs,share",
    "solution_deployments": "week,solution,operation,attempts,succeeded,installs",
    "one_time": "cohort,installs,one_time,too_early,share",
    "error_impact": "fingerprint,type,where,installs,visits,unmatched,left,expected,excess,ci_low,"
    "ci_high,q_value,sentry_url",
    "error_interval": "fingerprint,type,where,installs,visits,unmatched,left,expected,excess,"
    "ci_low,ci_high,q_value,sentry_url",
    "left_after_error": "install,first_seen,last_seen,silent_days,visits,fingerprint,type,version,"
    "os,sentry_url",
    "stickiness": "day,active_1,active_30,share",
    "error_fates": "fingerprint,type,where,installs,stayed,upgraded,left,too_early",
    "won_back": "fingerprint,type,where,left,returned,share,ci_low,ci_high",
    "won_back_versions": "fingerprint,version,installs",
    "first_run_errors": "installs,unmatched,one_time,share,expected,difference,ci_low,ci_high",
    "solution_quality": "solution,operation,installs,attempts,succeeded,share,timed,median_ms,"
    "p90_ms",
    "funnel": "solution,step,operation,installs,share",
    "error_free": "version,installs,clean_installs,install_share,runs,clean_runs,run_share",
    "loss_account": "week,installs,reports,dropped,late,ci,dropped_share,late_share,ci_share",
    "metric_hosts": "value,installs,share",
    "metric_os": "value,installs,share",
    "metric_os_version": "value,installs,share",
    "metric_package_version": "value,installs,share",
}
AS_OF = FIRST + timedelta(days=100)
SENTRY = SentryLinks.read(
    {"SENTRY_URL": "https://sentry.example", "SENTRY_ORG": "acme", "SENTRY_PROJECT": "tool"}
)


def test_every_file_has_the_designed_columns(tmp_path: Path) -> None:
    reports = random_reports(1, installs=60, days=100)
    with history_of(reports, AS_OF, AS_OF) as history:
        written = export(history, tmp_path / "out", sentry=SENTRY)
    heads = {path.stem: path.read_text().partition("\n")[0] for path in written}
    assert heads == DESIGNED
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        f"{name}.csv" for name in DESIGNED
    )


def test_the_docs_name_every_file_and_its_columns() -> None:
    text = (ROOT / "docs" / "definitions.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([\w, ]+) \|$", text, re.MULTILINE)
    files = {name: columns for name, columns in DESIGNED.items() if "metric_" not in name}
    assert {name: columns.replace(", ", ",") for name, columns in rows} == files


def test_parquet_holds_what_the_csv_holds(tmp_path: Path) -> None:
    reports = random_reports(1, installs=60, days=100)
    with history_of(reports, AS_OF, AS_OF) as history:
        export(history, tmp_path / "csv", sentry=SENTRY, min_cell=3)
        written = export(history, tmp_path / "out", sentry=SENTRY, min_cell=3, format="parquet")
    assert {path.name for path in written} == {f"{name}.parquet" for name in DESIGNED}
    for path in written:
        # Sums of fractions may differ in their last digit: they are not always added in one order.
        found = pd.read_csv(BytesIO(csv_bytes(pd.read_parquet(path))))
        expected = pd.read_csv(tmp_path / "csv" / f"{path.stem}.csv")
        pd.testing.assert_frame_equal(found, expected, rtol=1e-9)


def test_parquet_has_types() -> None:
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2026-03-12", None]),
            "cohort": [date(2026, 1, 5), date(2026, 1, 12)],
            "installs": [12345.0, None],
            "share": [1.0, 1.0],
            "name": ["=1+1", None],
            "sentry_url": [None, None],
        }
    )
    table = parquet.read_table(pa.BufferReader(parquet_bytes(frame)))
    assert {field.name: str(field.type) for field in table.schema} == {
        "day": "date32[day]",
        "cohort": "date32[day]",
        "installs": "int64",
        "share": "double",
        "name": "string",
        "sentry_url": "string",
    }
    assert table.to_pylist() == [
        {
            "day": date(2026, 3, 12),
            "cohort": date(2026, 1, 5),
            "installs": 12345,
            "share": 1.0,
            "name": "=1+1",
            "sentry_url": None,
        },
        {
            "day": None,
            "cohort": date(2026, 1, 12),
            "installs": None,
            "share": 1.0,
            "name": None,
            "sentry_url": None,
        },
    ]


def test_text_that_ends_a_row_stays_in_its_cell() -> None:
    names = ["a\rb", "c\nd", 'e"f', "x\r=cmd()"]
    frame = pd.DataFrame({"name": names, "installs": [1, 2, None, 3]})
    written = csv_bytes(frame)
    assert written.splitlines(keepends=True)[:2] == [b"name,installs\r\n", b'"a\r']
    assert b'"e""f",\r\n' in written
    assert pd.read_csv(BytesIO(written))["name"].to_list() == names


def test_a_small_fate_takes_the_others_along() -> None:
    """All four make up the installs of `error_impact`: three and the sum would tell the fourth."""
    fates = pd.DataFrame(
        {"installs": [30, 30], "stayed": [10, 19], "upgraded": [8, 6], "left": [7, 3]}
    ).assign(too_early=[5, 2])
    kept = suppressed(table("error_fates"), fates, 5)
    assert kept.isna().values.tolist() == [[False] * 5, [False, True, True, True, True]]


def test_an_error_links_to_its_issue_and_a_leaver_to_its_event(tmp_path: Path) -> None:
    base = {"app": "tool", "install": "1" * 32, "metrics": {}, "ci": False, "dropped": 0}
    error = {"fingerprint": "f" * 16, "type": "E", "where": "m:f", "sentry_event": "e" * 32}
    report = {**base, "id": "0" * 32, "time": 1_767_225_600_000, "kind": "error", "error": error}
    with history_of([report], AS_OF, AS_OF) as history:
        export(history, tmp_path, sentry=SENTRY)
    site = "https://sentry.example/organizations/acme"
    assert (
        (tmp_path / "error_impact.csv")
        .read_text()
        .splitlines()[1]
        .endswith(f",{site}/issues/?query=project%3Atool%20wald.fingerprint%3Affffffffffffffff")
    )
    assert (tmp_path / "left_after_error.csv").read_text().splitlines()[1] == (
        f"{'1' * 32},2026-01-01,2026-01-01,100,1,ffffffffffffffff,E,,,"
        f"{site}/projects/tool/events/{'e' * 32}/"
    )


def test_the_command_filters_as_the_pages_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    fill(warehouse, random_reports(1, installs=60, days=100))
    monkeypatch.setenv("WALD_WAREHOUSE", str(warehouse.path))
    chosen = [
        "--version",
        "1.0",
        "--version",
        "1.1",
        "--os",
        "Linux",
        "--solution",
        "teler",
        "--ci",
    ]
    chosen += ["--metric", "hosts=1", "--metric", "hosts=2", "--as-of", AS_OF.isoformat()]
    assert main(["export", "--out", str(tmp_path / "found"), *chosen]) == 0
    scope = Scope(
        "tool",
        AS_OF,
        AS_OF,
        ci=True,
        versions=("1.0", "1.1"),
        systems=("Linux",),
        solutions=("teler",),
        metrics=(("hosts", ("1", "2")),),
    )
    with warehouse.reading() as snapshot:
        wanted = export(History(scope, snapshot.table), tmp_path / "wanted")
    for path in wanted:
        found = pd.read_csv(tmp_path / "found" / path.name)
        pd.testing.assert_frame_equal(found, pd.read_csv(path), rtol=1e-9)
    spread = pd.read_csv(tmp_path / "found" / "metric_hosts.csv")
    assert sorted(spread["value"]) == [1, 2]
    capsys.readouterr()
    assert main(["export", "--out", str(tmp_path / "none"), "--metric", "hosts=7"]) == 1
    said, _, told = capsys.readouterr().err.strip().partition("; there is ")
    assert said == "--metric hosts=7 was never reported"
    assert sorted(told.split(", ")) == ["0", "1", "2"]
    assert not (tmp_path / "none").exists()


def test_values_are_plain() -> None:
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2026-03-12", "2026-03-13"]),
            "installs": [12345.0, None],
            "share": [0.5, 1.0],
            "name": ["a,b", None],
        }
    )
    assert csv_bytes(frame) == (
        b'day,installs,share,name\n2026-03-12,12345,0.5,"a,b"\n2026-03-13,,1.0,\n'
    )


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+3", "@now", "\t=1", " =1", "\r=1"])
def test_a_formula_is_defused(text: str) -> None:
    written = StringIO(csv_bytes(pd.DataFrame({"value": [text]})).decode(), newline="")
    assert list(csv.reader(written)) == [["value"], [f"'{text}"]]


@pytest.mark.parametrize("text", ["-5", "+1.5e3", "a=b", "2.3.1", "–"])
def test_other_text_stays(text: str) -> None:
    assert csv_bytes(pd.DataFrame({"value": [text]})).decode() == f"value\n{text}\n"


def test_small_cells_are_blank_with_what_gives_them_away() -> None:
    retention = pd.DataFrame(
        {
            "cohort": [date(2026, 1, 5)] * 3,
            "size": [20, 20, 4],
            "week": [0, 1, 0],
            "active": [20, 3, 4],
            "share": [1.0, 0.15, 1.0],
        }
    )
    kept = suppressed(table("retention"), retention, 5)
    assert kept[["size", "active", "share"]].isna().values.tolist() == [
        [False, False, False],
        [False, True, True],
        [True, True, True],
    ]
    assert kept["week"].tolist() == [0, 1, 0]


def test_small_cells_show_no_single_install() -> None:
    personal: Table = table("left_after_error")
    frame = pd.DataFrame({name: ["x"] for name in personal.columns})
    assert suppressed(personal, frame, 2).empty
    assert len(suppressed(personal, frame, 1)) == 1
