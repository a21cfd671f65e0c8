"""An install's identity: a random secret that stays here, and the pseudonym made from it."""

from __future__ import annotations

import os

from .report import pseudonym
from .spool import Lock, replace

FILE = "install"


def pseudonym_of(folder: str) -> str:
    """Return the pseudonym of the install that keeps its state in *folder*, 32 hex digits.

    The first call makes the secret. Raises OSError where it cannot be kept.
    """
    # The pseudonym is kept beside the secret, for hashing would cost every run a few ms.
    kept = read(folder)
    return kept[1] if kept else _make(folder)


def read(folder: str) -> tuple[str, str] | None:
    """Return secret (64 hex digits) and pseudonym (32), or None where there are none yet."""
    try:
        with open(os.path.join(folder, FILE), encoding="utf-8") as file:
            secret, name = file.read(256).split()
    except (FileNotFoundError, ValueError):
        return None
    return (secret, name) if len(secret) == 64 and len(name) == 32 else None


def _make(folder: str) -> str:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with Lock(folder):
        kept = read(folder)  # another process may have been first
        if kept:
            return kept[1]
        secret = os.urandom(32)
        name = pseudonym(secret)
        replace(os.path.join(folder, FILE), f"{secret.hex()}\n{name}\n".encode())
        return name
