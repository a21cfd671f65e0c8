"""The spool: reports wait here, one JSON object a line, until the sender takes them.

Any number of processes may append at once, and one may take, each under the same lock, which is
held for a fraction of a millisecond and never while anything goes over the network. A process
that dies in the middle leaves at most one broken line, which is skipped. Nothing is flushed to
the disk itself: a power cut may cost the last reports, and the tool never waits for a disk.
"""

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from .report import Report

MAX_REPORTS = 1000
MAX_BYTES = 1 << 20
MAX_AGE_MS = 30 * 24 * 3600 * 1000
PATIENCE = 1.0
"""Seconds to wait for another process's lock before giving up."""


class Spool:
    """The folder of one install: its name, and its reports that are still to be delivered."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.path = os.path.join(folder, "reports.jsonl")
        self.lost = os.path.join(folder, "lost")
        """File of one byte for each report that was lost, and that no other counts yet."""

    def install(self) -> tuple[str, str] | None:
        """Return secret (64 hex digits) and pseudonym (32), or None where there are none yet."""
        # The pseudonym is kept beside the secret, for hashing would cost every run a few ms.
        try:
            with open(os.path.join(self.folder, "install"), "rb", buffering=0) as file:
                secret, name = file.read(256).decode().split()
        except (FileNotFoundError, ValueError):
            return None
        return (secret, name) if len(secret) == 64 and len(name) == 32 else None

    def pending(self) -> bool:
        """Tell whether anything waits."""
        try:
            return os.stat(self.path).st_size > 0
        except OSError:
            return False

    def append(self, report: "Report") -> None:
        """Keep *report*; where that makes too many, the oldest go, and *report* counts them.

        Raises OSError where the disk does not take it, and TimeoutError where another process
        holds on to the lock; then nothing is changed.
        """
        try:
            with Lock(self.folder):
                self._append(report)
        except TimeoutError:
            self.lose(1)
            raise

    def lose(self, number: int) -> None:
        """Have a later report count *number* reports that are gone. Needs no lock."""
        file = os.open(self.lost, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, b"." * number)
        finally:
            os.close(file)

    def _append(self, report: "Report") -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        file = os.open(self.path, flags, 0o600)
        try:
            size = os.fstat(file).st_size
            line = to_line(report)
            # No report is shorter than 100 bytes: below that there is no need to count.
            content = _content(file, size) if size + len(line) > MAX_REPORTS * 100 else b""
            if content.count(b"\n") < MAX_REPORTS and size + len(line) < MAX_BYTES:
                _extend(file, size, line)
                return
        finally:
            os.close(file)
        lines = _shed(split(content), report)
        replace(self.path, b"".join([*lines, to_line(report)]))


class Lock:
    """A lock between processes and threads, free again when its holder ends, however it ends."""

    def __init__(self, folder: str, name: str = "lock", patience: float = PATIENCE) -> None:
        self.path = os.path.join(folder, name)
        self.patience = patience
        self.file = -1

    def __enter__(self) -> "Lock":
        """Take it. Raises TimeoutError where another holds on to it."""
        if not self.take():
            raise TimeoutError(f"{self.path} is held by another process")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: "TracebackType | None",
    ) -> None:
        self.free()

    def take(self) -> bool:
        """Try to take it, for `patience` seconds."""
        self.file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        taken = False
        try:
            until = time.monotonic() + self.patience
            while not (taken := _lock(self.file)) and time.monotonic() < until:
                # Uneven pauses, so that many waiting processes do not wake together.
                time.sleep(0.0005 + os.urandom(1)[0] / 100_000)
        finally:
            if not taken:  # also where there are no locks, as in some network folders
                os.close(self.file)
        return taken

    def free(self) -> None:
        """Give it back."""
        try:
            # Said aloud, for a child forked meanwhile holds a copy of the file.
            _unlock(self.file)
        finally:
            os.close(self.file)


def replace(path: str, data: bytes) -> None:
    """Write a file of mode 0600 that others see whole or not at all."""
    new = f"{path}.{os.getpid()}.new"
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    try:
        try:
            if os.write(file, data) != len(data):
                raise OSError("the disk is full")
        finally:
            os.close(file)
        os.replace(new, path)
    except OSError:
        os.unlink(new)
        raise


def to_json(value: object) -> str:
    """Write *value*, made of dictionaries, text, numbers and booleans, as JSON on one line.

    Spares the tool the import of json for what plain text needs.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{to_json(k)}: {to_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str) and value.isascii() and value.isprintable():
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    import json

    return json.dumps(value)


def to_line(report: "Report") -> bytes:
    """Write *report* as a line of the spool."""
    return to_json(report).encode() + b"\n"


def split(data: bytes) -> list[bytes]:
    """Return the lines of a spool."""
    return [line + b"\n" for line in data.split(b"\n") if line]


def from_line(line: bytes) -> "Report | None":
    """Read a line back; None where a crash or a power cut left it broken."""
    import json

    try:
        report: Report = json.loads(line)
        whole = isinstance(report["id"], str) and report["time"] >= 0 and report["dropped"] >= 0
    except (ValueError, TypeError, KeyError):
        return None
    return report if whole else None


def _shed(lines: list[bytes], report: "Report") -> list[bytes]:
    """Drop the oldest of *lines* until *report* fits too, and let it say how many went."""
    room = MAX_BYTES - len(to_line(report)) - 20  # its growing count of dropped ones needs a few
    size = sum(map(len, lines))
    start = 0
    while start < len(lines) and (len(lines) - start >= MAX_REPORTS or size > room):
        gone = from_line(lines[start])
        report["dropped"] += 1 + gone["dropped"] if gone else 0
        size -= len(lines[start])
        start += 1
    return lines[start:]


def _extend(file: int, size: int, line: bytes) -> None:
    """Append *line* whole or not at all."""
    if size:
        os.lseek(file, size - 1, os.SEEK_SET)
        if os.read(file, 1) != b"\n":
            line = b"\n" + line  # a process died in the middle of its line
    try:
        if os.write(file, line) != len(line):
            raise OSError("the disk is full")
    except OSError:
        os.ftruncate(file, size)
        raise


def _content(file: int, size: int) -> bytes:
    os.lseek(file, 0, os.SEEK_SET)
    return os.read(file, size)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> bool:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
