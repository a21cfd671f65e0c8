"""Looking at something again and again while a test does its work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def watched(look: Callable[[], int], every: float) -> Iterator[list[int]]:
    """Yield the list of what each look found, the first at once and then one every so often.

    Args:
        every: seconds between two looks.
    """
    found, over = [look()], threading.Event()

    def watch() -> None:
        while not over.wait(every):
            found.append(look())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        over.set()
        watching.join()
