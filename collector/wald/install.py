"""An install's identity: a random secret that stays here, and the pseudonym made from it."""

from __future__ import annotations

import os

from .report import pseudonym
from .spool import Lock, Spool, replace


def pseudonym_of(spool: Spool) -> str:
    """Return the pseudonym of the install that keeps *spool*, 32 hex digits; make it if need be.

    Raises OSError where its secret cannot be kept.
    """
    os.makedirs(spool.folder, mode=0o700, exist_ok=True)
    with Lock(spool.folder):
        kept = spool.install()  # another process may have been first
        if kept:
            return kept[1]
        secret = os.urandom(32)
        name = pseudonym(secret)
        replace(os.path.join(spool.folder, "install"), f"{secret.hex()}\n{name}\n".encode())
        return name
