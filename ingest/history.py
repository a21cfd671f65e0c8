"""Importing history: reports from JSON lines, stored with their times as they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from ingest.schema import MAX_REPORT, InvalidReport, Report, decode_report
from ingest.store import FORGOTTEN, DatabaseUnavailable, Store
from wald.report import MAX_BATCH

PATIENCE = 60.0
"""Seconds to go on asking a database that stopped answering."""


FRESH = 5.0
"""Seconds for which it is believed who was forgotten; an import may take hours."""


@dataclass(frozen=True)
class Progress:
    """How far an import has come."""

    line: int = 0
    """Every line up to this one is stored or refused."""
    stored: int = 0
    """Reports that the database acknowledged."""
    refused: int = 0


class ImportStopped(Exception):
    """The database stopped answering; `progress` says what it had acknowledged before."""

    def __init__(self, reason: str, progress: Progress) -> None:
        super().__init__(
            f"{reason}. Stored {progress.stored} reports, all of them up to line {progress.line}; "
            "run the same import again to go on, nothing is stored twice"
        )
        self.progress = progress


def import_lines(
    stream: BinaryIO,
    store: Store,
    *,
    refuse: Callable[[int, str], None],
    advance: Callable[[Progress], None],
    patience: float = PATIENCE,
) -> Progress:
    """Store the reports of JSON lines, one each; empty lines are passed over.

    Memory holds one batch at a time. Since a report's id is its key, an import that was cut
    off can be run again from the start and stores nothing twice.

    Args:
        refuse: called with the number of each line that holds no valid report, and the reason.
        advance: called after each batch that the database acknowledged.
        patience: seconds to go on asking a database that stopped answering.

    Raises:
        ImportStopped: the database did not answer for `patience` seconds.
    """
    forgotten = _Forgotten(store)
    progress = Progress()
    batch: list[Report] = []
    refused = number = 0

    def store_batch() -> None:
        nonlocal progress
        try:
            _add_patiently(store, batch, patience)
        except DatabaseUnavailable as error:
            raise ImportStopped(str(error), progress) from error
        progress = Progress(number, progress.stored + len(batch), refused)
        batch.clear()
        advance(progress)

    for number, line in enumerate(_lines(stream), 1):
        if not line.strip():
            continue
        try:
            report = decode_report(line)
            if report.install in forgotten:
                raise InvalidReport(FORGOTTEN)
            batch.append(report)
        except InvalidReport as error:
            refused += 1
            refuse(number, str(error))
        if len(batch) == MAX_BATCH:
            store_batch()
    if batch:
        store_batch()
    return Progress(number, progress.stored, refused)


class _Forgotten:
    """The installs that were forgotten, also those that ask while the import goes on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._installs: set[str] = set()
        self._read()

    def __contains__(self, install: str) -> bool:
        if time.monotonic() - self._read_at > FRESH:
            with suppress(DatabaseUnavailable):  # storing the batch will wait for it, and say so
                self._read()
        return install in self._installs

    def _read(self) -> None:
        self._read_at = time.monotonic()
        for shard in range(len(self._store.shards)):
            self._installs.update(mark.install for mark in self._store.forgotten(shard))


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Read line by line, of one too long as much as shows that it is."""
    while line := stream.readline(MAX_REPORT + 1):
        yield line
        while not line.endswith(b"\n") and (line := stream.readline(MAX_REPORT)):
            pass


def _add_patiently(store: Store, batch: list[Report], patience: float) -> None:
    """Store a batch, waiting for a database that is restarted meanwhile."""
    deadline = time.monotonic() + patience
    pause = 0.1
    while True:
        try:
            return store.add(batch, arrived=datetime.now(UTC))
        except DatabaseUnavailable:
            if time.monotonic() + pause > deadline:
                raise
            time.sleep(pause)
            pause = min(2 * pause, 5)
