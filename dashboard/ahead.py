"""Reading on in a thread, while what was read is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


@contextmanager
def ahead(items: Iterable[T], *, weight: Callable[[T], int], most: int) -> Iterator[Iterator[T]]:
    """Take items in a thread of their own, as long as those that wait weigh less than `most`.

    What taking one raises is raised to whoever waits for it. At the end of the block the thread
    ends as soon as the item that it is taking is there.
    """
    shelf = _Shelf(weight, most)
    Thread(target=shelf.fill, args=(items,), daemon=True).start()
    try:
        yield iter(shelf)
    finally:
        shelf.abandon()


class _Shelf(Generic[T]):
    """What was taken and is not worked on yet."""

    def __init__(self, weight: Callable[[T], int], most: int) -> None:
        self._weight = weight
        self._room = most
        self._items: deque[T] = deque()
        self._changed = Condition()
        self._ended = False
        self._abandoned = False
        self._error: BaseException | None = None

    def fill(self, items: Iterable[T]) -> None:
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _put(self, item: T) -> bool:
        with self._changed:
            self._items.append(item)
            self._room -= self._weight(item)
            self._changed.notify()
            self._changed.wait_for(lambda: self._room > 0 or self._abandoned)
            return not self._abandoned

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended)
                if not self._items:
                    break
                item = self._items.popleft()
                self._room += self._weight(item)
                self._changed.notify()
            yield item
        if self._error:
            raise self._error

    def abandon(self) -> None:
        with self._changed:
            self._abandoned = True
            self._changed.notify()
