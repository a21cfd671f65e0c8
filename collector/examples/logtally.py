"""logtally: what happened in a server's log, and when.

    python collector/examples/logtally.py top sshd /var/log/auth.log
    python collector/examples/logtally.py hours nginx access.log
    python collector/examples/logtally.py gaps fail2ban fail2ban.log.gz

A small tool with Wald's collector in it. It reports to the server that WALD_ENDPOINT names, by
default the one that ``make run`` starts on this machine.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from wald import Metric, Monitor

__version__ = "1.2.0"

monitor = Monitor(
    "logtally",
    __version__,
    endpoint=os.environ.get("WALD_ENDPOINT") or "http://127.0.0.1:8080",
    more="docs/collector.md",
    dsn=os.environ.get("WALD_EXAMPLE_DSN"),
    # It reports to nobody but a server of your own, so there is no one to ask.
    consent=True,
)


class Output(Metric):
    """Whether the output goes to a person or a program: which of them to design it for."""

    IDENTIFIER = "output"

    def _get(self) -> str:
        return "terminal" if sys.stdout.isatty() else "pipe"


class Entry(NamedTuple):
    """A line of a log: when, and what is worth counting in it (an address, usually)."""

    time: datetime
    subject: str


class Format(NamedTuple):
    """How lines of one kind of log look: a pattern, and how its time is written."""

    pattern: re.Pattern[str]
    time: str


FORMATS = {
    "fail2ban": Format(
        re.compile(r"(?P<time>[\d-]+ [\d:]+),\d+ .*\] (?:Ban|Found) (?P<subject>\S+)"),
        "%Y-%m-%d %H:%M:%S",
    ),
    "nginx": Format(
        re.compile(r"(?P<subject>\S+) \S+ \S+ \[(?P<time>[^ \]]+)"),
        "%d/%b/%Y:%H:%M:%S",
    ),
    "sshd": Format(
        re.compile(
            r"(?P<time>\w+ +\d+ [\d:]+) \S+ sshd\[.*(?:Failed|Invalid).* from (?P<subject>\S+)"
        ),
        "%b %d %H:%M:%S",
    ),
}


def read(path: str, form: Format) -> Iterator[Entry]:
    """Yield what *form* finds in the log at *path*, which may be gzipped."""
    lines = gzip.open(path, "rt") if path.endswith(".gz") else open(path)  # noqa: SIM115
    with lines:
        for line in lines:
            found = form.pattern.search(line)
            if found:
                yield Entry(datetime.strptime(found["time"], form.time), found["subject"])


def top(entries: list[Entry], count: int) -> None:
    """Print the subjects that occur most."""
    for subject, times in Counter(entry.subject for entry in entries).most_common(count):
        print(f"{times:8} {subject}")


def hours(entries: list[Entry], count: int) -> None:
    """Print how many entries fall into each hour of the day."""
    tally = Counter(entry.time.hour for entry in entries)
    widest = max(tally.values())
    for hour in range(24):
        print(f"{hour:02}:00 {tally[hour]:8} {'#' * (40 * tally[hour] // widest)}")


def gaps(entries: list[Entry], count: int) -> None:
    """Print the longest silences."""
    silences = [(after.time - before.time, before.time) for before, after in pairwise(entries)]
    for length, start in sorted(silences, reverse=True)[:count]:
        print(f"{length} from {start}")


COMMANDS = {"top": top, "hours": hours, "gaps": gaps}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Exits with 1 where the log holds nothing of its kind."""
    parser = argparse.ArgumentParser(prog="logtally", description="Tally a server's log.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function in COMMANDS.items():
        command = commands.add_parser(name, help=function.__doc__)
        command.add_argument("format", choices=sorted(FORMATS), help="what wrote the log")
        command.add_argument("log", help="file, may end in .gz")
        command.add_argument("-n", type=int, default=10, dest="count", help="lines to print")
    monitor.add_commands(commands)
    chosen = parser.parse_args(arguments)
    with monitor.operation(chosen.command, solution=chosen.format):
        if not os.path.exists(chosen.log):
            sys.exit(f"logtally: there is no file {chosen.log}")
        entries = list(read(chosen.log, FORMATS[chosen.format]))
        if not entries:
            sys.exit(f"logtally: {chosen.log} has no lines of {chosen.format}")
        COMMANDS[chosen.command](entries, chosen.count)


if __name__ == "__main__":
    main()
