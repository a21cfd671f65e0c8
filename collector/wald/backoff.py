"""Back-off that survives processes: when the server may be asked again stands in a file."""

import os
import time

from .spool import replace

LONGEST = 3600.0
"""Seconds between attempts, however often they failed."""

LONGEST_ASKED = 24 * 3600.0
"""Seconds that a server's ``Retry-After`` is honoured for."""

CLOCK_SLIP = 60.0
"""Seconds that a clock is set back by when it is merely corrected."""


class Backoff:
    """Counts failures in a row and spaces the attempts: 1, 2, 4 ... seconds, an hour at most."""

    def __init__(self, folder: str, name: str = "retry") -> None:
        self.path = os.path.join(folder, name)

    def wait(self) -> float:
        """Return the seconds until the next attempt; 0 where it may be made now."""
        left = self._read()[1] - time.time()
        if left > LONGEST_ASKED + CLOCK_SLIP:
            return 0.0  # a clock set back must not block for ever
        return max(0.0, min(left, LONGEST_ASKED))

    def failures(self) -> int:
        """Return how many attempts failed in a row."""
        return self._read()[0]

    def failed(self, failures: int, asked: float = 0.0) -> None:
        """Note the failure number *failures*; the server *asked* for so many seconds of silence."""
        # Half of it is left to chance, so that a server coming back is not met by all at once.
        pause = min(2.0 ** min(failures - 1, 20), LONGEST) * (0.5 + os.urandom(1)[0] / 512)
        until = time.time() + max(pause, min(asked, LONGEST_ASKED))
        replace(self.path, f"{failures} {until:.3f}\n".encode())

    def succeeded(self) -> None:
        """Forget the failures."""
        if os.path.exists(self.path):
            os.unlink(self.path)

    def _read(self) -> tuple[int, float]:
        try:
            with open(self.path, encoding="utf-8") as file:
                failures, until = file.read(64).split()
            return int(failures), float(until)
        except (FileNotFoundError, ValueError):
            return 0, 0.0
