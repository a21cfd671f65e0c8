"""The function's command line: ``python -m ingest import|prune|stats|bundle``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ingest.bundle import bundle
from ingest.history import ImportStopped, Progress, import_lines
from ingest.store import DatabaseUnavailable, SettingError, Store
from ingest.upkeep import counted, day_stats, first_kept, prune


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ingest", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("import", help="store reports from a file of JSON lines")
    command.add_argument("file", metavar="FILE", help="a report a line; - for standard input")
    command.set_defaults(run=import_file)
    command = commands.add_parser("prune", help="delete old arrival days")
    command.add_argument(
        "--keep", metavar="DAYS", type=_days, required=True, help="days to keep, today among them"
    )
    command.set_defaults(run=prune_days)
    command = commands.add_parser("stats", help="reports, installs and bytes a day")
    command.add_argument("--days", type=_days, default=7, help="how many days (default: 7)")
    command.add_argument(
        "--log", metavar="FILE", help="a log of the function, for the share refused; - for stdin"
    )
    command.set_defaults(run=show_stats)
    command = commands.add_parser("bundle", help="lay out the function's source for a cloud")
    command.add_argument("folder", type=Path, metavar="DIR", help="made or renewed")
    command.set_defaults(run=lay_out)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except (SettingError, DatabaseUnavailable, ImportStopped) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        print(
            "nobody reads what the import says, so it stopped; run it again to go on",
            file=sys.stderr,
        )
        # What is left to print goes nowhere, or Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def import_file(options: argparse.Namespace) -> int:
    """Store a file's reports and print how many were stored and refused, and why."""
    store = Store.connect(os.environ)
    store.ping()  # a database that never answered is said at once; one that stops is waited for
    with _open(options.file) as stream, _Meter("stored") as meter:
        done = import_lines(stream, store, refuse=meter.refuse, advance=meter.show)
    print(f"stored {done.stored}, refused {done.refused}")
    return 0


def prune_days(options: argparse.Namespace) -> int:
    """Delete arrival days older than those to keep, and print how many reports went."""
    store = Store.connect(os.environ)
    before = first_kept(datetime.now(UTC).date(), options.keep)
    with _Meter("deleted") as meter:
        deleted = prune(store, before=before, advance=lambda _, count: meter.add(count))
    print(f"deleted {deleted}, kept {before} and later")
    return 0


def show_stats(options: argparse.Namespace) -> int:
    """Print reports, installs and bytes of each arrival day, and the share refused by a log."""
    store = Store.connect(os.environ)
    print(f"{'day':10} {'reports':>12} {'installs':>12} {'bytes':>15}")
    since = first_kept(datetime.now(UTC).date(), options.days)
    for one in day_stats(store, since=since):
        print(f"{one.day!s:10} {one.reports:12} {one.installs:12} {one.size:15}")
    if options.log:
        with _open(options.log) as stream:
            counts = counted(stream)
        refused = {reason: count for (event, reason), count in counts.items() if event == "refused"}
        judged = counts["accepted", ""] + sum(refused.values())
        for reason, count in sorted(refused.items(), key=lambda item: -item[1]):
            print(f"refused {count / judged:.2%}: {reason}")
        print(f"refused {sum(refused.values())} of {judged}")
    return 0


def lay_out(options: argparse.Namespace) -> int:
    """Write what a cloud needs to run the function into a folder."""
    bundle(options.folder)
    print(f"{options.folder} holds the function: main.py, requirements.txt, Procfile")
    return 0


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 36500:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to 36500")
    return int(text)


def _open(file: str) -> BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    try:
        return open(file, "rb")
    except OSError as error:
        raise SettingError(f"can't read {file}: {error.strerror}") from error


class _Meter:
    """Tells how it goes: refusals on standard output, progress on a terminal."""

    def __init__(self, done: str) -> None:
        self._live = sys.stderr.isatty()
        self._done = done
        self._count = 0

    def __enter__(self) -> _Meter:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def refuse(self, line: int, reason: str) -> None:
        self._clear()
        print(f"line {line} refused: {reason}")

    def show(self, progress: Progress) -> None:
        self.add(progress.stored - self._count)

    def add(self, count: int) -> None:
        self._count += count
        if self._live:
            text = f"\r\x1b[K{self._count:,} reports {self._done}"
            print(text, end="", file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
