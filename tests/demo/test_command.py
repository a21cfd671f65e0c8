"""The command line, run as its users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demo.output import OutputError, to_database


def demo(*arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        capture_output=True,
        env={**os.environ, **variables},
        timeout=60,
        check=False,
    )


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    arguments = ("--installs", "60", "--days", "90", "--seed", "3", "--until", "2024-06-30")
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    piped = demo(*arguments, "--out", "-", "--truth", str(first), PYTHONHASHSEED="1")
    filed = demo(*arguments, "--out", str(tmp_path / "o"), "--truth", str(second))
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert (filed.returncode, filed.stdout, filed.stderr) == (0, b"", b"")
    assert piped.stdout == (tmp_path / "o").read_bytes()
    assert first.read_bytes() == second.read_bytes()
    reports = [json.loads(line) for line in piped.stdout.splitlines()]
    truth = json.loads(first.read_text())
    assert len(reports) == truth["counts"]["reports"] > 60
    assert truth["as_of"] == "2024-06-30"
    assert (truth["app"], truth["horizon"]) == ("bastion", 30)


def test_truth_changes_no_report_and_yesterday_is_the_default() -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    given = demo("--installs", "5", "--days", "3", "--out", "-", "--until", yesterday)
    default = demo("--installs", "5", "--days", "3", "--out", "-", "--truth", os.devnull)
    assert given.stdout == default.stdout != b""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--installs", "0"], "argument --installs: '0' is not a whole number from 1 to"),
        (["--installs", "9" * 30], "is not a whole number from 1 to 20,000,000"),
        (["--days", "-5"], "argument --days: '-5' is not a whole number from 1 to 3,650"),
        (["--seed", "x"], "argument --seed: 'x' is not a whole number from 0 to"),
        (["--until", "yesterday"], "argument --until: 'yesterday' is not a day that is over"),
        (["--until", "2999-01-01"], "argument --until: '2999-01-01' is not a day that is over"),
        (["--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_a_bad_value_is_one_sentence_and_exit_status_2(arguments: list[str], said: str) -> None:
    result = demo(*arguments)
    sentence = result.stderr.decode()
    assert result.returncode == 2
    assert said in sentence
    assert sentence.count("\n") == 1
    assert result.stdout == b""


@pytest.mark.parametrize("option", ["--out", "--truth"])
def test_a_file_that_cannot_be_written_is_one_sentence(option: str, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "file"
    arguments = ["--installs", "5", "--days", "2", "--out", str(tmp_path / "o")]
    result = demo(*arguments, option, str(path))
    assert result.returncode == 1
    assert result.stderr.decode() == f"demo: Cannot write {path}: No such file or directory.\n"


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "demo", "--installs", "2000", "--out", "-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def test_the_importing_command_gets_every_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    program = "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, open(sys.argv[1], 'wb'))"
    program += "; print('line 1 refused'); print('stored 49999, refused 1')"
    with to_database(python(program, str(kept))) as write:
        for line in range(50_000):
            write(b"%d\n" % line)
    assert kept.read_bytes() == b"".join(b"%d\n" % line for line in range(50_000))
    assert capsys.readouterr().out == "Demo project: stored 49999, refused 1\n"


@pytest.mark.parametrize("reads", ["", "sys.stdin.read(); "])
def test_a_failing_import_is_told_with_its_last_words(reads: str) -> None:
    program = f"import sys; {reads}print('1 of 2\\r2 of 2'); sys.exit('The database is gone.')"

    def store() -> None:
        with to_database(python(program)) as write:
            for _ in range(20_000):
                write(b"x" * 99 + b"\n")

    with pytest.raises(OutputError) as caught:
        store()
    assert str(caught.value) == (
        "Storing the demo's reports failed (exit status 1): The database is gone."
    )
