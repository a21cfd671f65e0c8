"""Where a simulated project's reports go: a file, standard output, or the database."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, TextIO

Write = Callable[[bytes], object]

IMPORT = (sys.executable, "-m", "ingest", "import", "-")
"""Reads JSON lines, a report each, and stores them."""


class OutputError(Exception):
    """The reports could not be put where they should go; says why in a sentence."""


@contextmanager
def to_file(path: str) -> Iterator[Write]:
    """Write to the file (``-``: standard output).

    Raises:
        OutputError: the file cannot be opened or written.
    """
    if path == "-":
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    try:
        with open(path, "wb") as file:
            yield file.write
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror}.") from error


@contextmanager
def to_database(command: Sequence[str] = IMPORT) -> Iterator[Write]:
    """Write to the standard input of the command that stores reports, and wait until it has.

    Prints the last line the command said: how many it stored and refused.

    Raises:
        OutputError: the command failed; with its last line.
    """
    with (
        tempfile.TemporaryFile() as said,  # not a pipe, which would block when it is full
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said) as process,
    ):
        assert process.stdin is not None
        try:
            yield process.stdin.write
            process.stdin.close()
        except BrokenPipeError:  # it ended early; what it said tells why
            _discard(process)
            process.wait()
            raise OutputError(_complaint(process.returncode, _last_line(said))) from None
        except BaseException:
            process.terminate()
            _discard(process)
            raise
        if process.wait() != 0:
            raise OutputError(_complaint(process.returncode, _last_line(said)))
        print(f"Demo project: {_last_line(said)}")


def _discard(process: subprocess.Popen[bytes]) -> None:
    """Close its standard input, where what is buffered has nowhere to go."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = said.read().decode(errors="replace").replace("\r", "\n").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _complaint(code: int, last: str) -> str:
    return f"Storing the demo's reports failed (exit status {code}): {last}"


class Progress:
    """One line on a terminal, rewritten as the days pass; nothing elsewhere."""

    def __init__(self, days: int, stream: TextIO) -> None:
        self._days = days
        self._stream = stream if stream.isatty() else None
        self._shown = -1

    def show(self, done: int, reports: int) -> None:
        """Tell how many days are simulated and how many reports that made."""
        percent = 100 * done // self._days
        if self._stream is None or percent == self._shown:
            return
        self._shown = percent
        self._stream.write(f"\rDemo project: {percent:3} %, {reports:,} reports")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line as it is."""
        if self._stream is not None and self._shown >= 0:
            self._stream.write("\n")
