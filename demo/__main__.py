"""The command: ``python -m demo --installs N --days D --seed S [--out FILE] [--truth FILE]``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NoReturn

import msgspec

from demo.days import number_of
from demo.output import OutputError, Progress, Write, to_database, to_file
from demo.project import Project
from demo.reports import of_day, sender
from demo.truth import Observer, Truth
from demo.visits import simulate

LIMITS = {"installs": (1, 20_000_000), "days": (1, 3_650), "seed": (0, 2**63 - 1)}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"demo: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate a project as the arguments say; returns the exit status."""
    options = _parser().parse_args(arguments)
    project = Project(
        installs=options.installs,
        days=options.days,
        seed=options.seed,
        until=number_of(options.until or _today()) - (0 if options.until else 1),
    )
    observer = Observer(project) if options.truth else None
    try:
        if options.truth:
            options.truth.touch()  # better to fail now than when all is simulated
        with to_file(options.out) if options.out else to_database() as write:
            generate(project, write, observer, Progress(project.days, sys.stderr))
        if observer is not None:
            _write_truth(observer.truth(), options.truth)
    except BrokenPipeError:  # the reader of standard output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(f"Cannot write {error.filename}: {error.strerror}.")
    except OutputError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("Interrupted; what was stored so far stays.", status=130)
    return 0


def generate(project: Project, write: Write, observer: Observer | None, progress: Progress) -> None:
    """Write the project's reports as JSON lines, ordered by time."""
    rng = sender(project)
    encoder = msgspec.json.Encoder()
    count = 0
    for done, (_, visits) in enumerate(simulate(project), 1):
        if observer is not None:
            observer.watch(visits)
        reports = of_day(visits, project.app, rng)
        write(encoder.encode_lines(reports))
        count += len(reports)
        progress.show(done, count)
    progress.end()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m demo",
        description="Simulate a project whose truth is known, into the database or a file.",
    )
    parser.add_argument("--installs", type=_number("installs"), default=5_000, metavar="N")
    parser.add_argument("--days", type=_number("days"), default=730, metavar="D")
    parser.add_argument("--seed", type=_number("seed"), default=1, metavar="S")
    parser.add_argument(
        "--until", type=_day, metavar="DAY", help="last simulated day (UTC; default: yesterday)"
    )
    parser.add_argument(
        "--out", metavar="FILE", help="JSON lines instead of the database (-: standard output)"
    )
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="write what is true of the project as JSON"
    )
    return parser


def _number(option: str) -> Callable[[str], int]:
    """How to read that option: a whole number within its limits."""
    least, most = LIMITS[option]

    def read(text: str) -> int:
        plain = text.isascii() and text.isdigit() and len(text) < 20
        if not plain or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a whole number from {least:,} to {most:,}."
            )
        return int(text)

    return read


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.max
    if len(text) != 10 or not date(1990, 1, 1) <= day < _today():
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a day that is over, from 1990-01-01 on, as YYYY-MM-DD (UTC)."
        )
    return day


def _today() -> date:
    return datetime.now(UTC).date()


def _write_truth(truth: Truth, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(truth, file, indent=1)
        file.write("\n")


def _fail(sentence: str, status: int = 1) -> int:
    print(f"demo: {sentence}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
