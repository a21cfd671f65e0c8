"""Who may use the warehouse's file when: many readers, or one writer for a moment.

DuckDB opens a file in one process for writing, or in several for reading, and refuses all others.
So whoever opens it holds a lock before. These are ``flock`` locks on files beside the warehouse,
which count between threads of a process too, and end with the process however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Locks:
    """The locks of the warehouse at `path`. None may be taken by a thread that holds it."""

    path: Path

    @contextmanager
    def syncing(self, *, wait: bool) -> Iterator[None]:
        """Be the only one who brings the warehouse up to date.

        Raises:
            BlockingIOError: another is at it, and `wait` is false.
            OSError: the file of the lock can't be made.
        """
        with ExitStack() as held:
            _take(held, self._file("sync"), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read beside others; nobody writes meanwhile. Lasts as long as a page or an export."""
        with ExitStack() as held:
            with ExitStack() as passing:
                _take(passing, self._file("gate"), fcntl.LOCK_SH)
                _take(held, self._file("use"), fcntl.LOCK_SH)
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write, when those who read now have ended; who comes later waits at the gate."""
        with ExitStack() as held:
            _take(held, self._file("gate"), fcntl.LOCK_EX)
            _take(held, self._file("use"), fcntl.LOCK_EX)
            yield

    def _file(self, name: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{name}")


def _take(held: ExitStack, file: Path, how: int) -> None:
    try:
        # For reading, as that is enough for a lock and all that a reader may be allowed.
        lock = os.open(file, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        if how == fcntl.LOCK_SH and file.parent.is_dir():
            return  # in a folder that can't be written to, there is no writer to keep out
        raise
    held.callback(os.close, lock)
    fcntl.flock(lock, how)
