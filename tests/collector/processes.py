"""The processes that send for a home, seen the Linux way."""

from __future__ import annotations

from pathlib import Path

from .home import Home


def senders(home: Home) -> list[int]:
    """Return the processes that send for this home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if not (command[0].endswith(b"python") and b"-I" in command):
                continue
            theirs = (folder / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or is not ours
        if f"HOME={home.folder}\0".encode() in theirs:
            found.append(int(folder.name))
    return found
