"""The function's command line: ``python -m ingest import FILE``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import BinaryIO

from ingest.history import ImportStopped, Progress, import_lines
from ingest.store import DatabaseUnavailable, SettingError, Store


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m ingest", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("import", help="store reports from a file of JSON lines")
    command.add_argument("file", metavar="FILE", help="a report a line; - for standard input")
    command.set_defaults(run=import_file)
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
    meter = _Meter()
    with _open(options.file) as stream:
        try:
            done = import_lines(stream, store, refuse=meter.refuse, advance=meter.show)
        finally:
            meter.clear()
    print(f"stored {done.stored}, refused {done.refused}")
    return 0


def _open(file: str) -> BinaryIO:
    if file == "-":
        return sys.stdin.buffer
    try:
        return open(file, "rb")
    except OSError as error:
        raise SettingError(f"can't read {file}: {error.strerror}") from error


class _Meter:
    """Tells how an import goes: refusals on standard output, progress on a terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def refuse(self, line: int, reason: str) -> None:
        self.clear()
        print(f"line {line} refused: {reason}")

    def show(self, progress: Progress) -> None:
        if self._live:
            print(
                f"\r\x1b[K{progress.stored:,} reports stored", end="", file=sys.stderr, flush=True
            )

    def clear(self) -> None:
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
