"""JSON taken apart as it is read, so that a large body or file never stands in memory whole.

What fits in the window comes out as one value; a larger object comes out child by child.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import IO

from rtdb.errors import Refusal
from rtdb.keys import Path, check_depth
from rtdb.tree import NOT_JSON, Tree

WINDOW = 1024 * 1024  # characters looked at to see whether a value ends in them
MAX_TEXT = 16 * 1024 * 1024  # and at most, where it is one long string
SPACE = re.compile(r"[ \t\n\r]*")


def _no_constant(name: str) -> Tree:
    raise ValueError(f"{name} is not JSON")


class Pieces:
    """Reads one JSON value from a binary file."""

    def __init__(self, file: IO[bytes], window: int = WINDOW) -> None:
        self._file = file
        self._window = window
        self._decode = json.JSONDecoder(parse_constant=_no_constant).raw_decode
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        self._ended = False

    def read(self) -> Iterator[tuple[Path, Tree]]:
        """Each piece with its path below the whole, in the file's order."""
        try:
            yield from self._value(())
            if self._peek():
                raise Refusal(400, NOT_JSON)
        except (ValueError, RecursionError):
            raise Refusal(400, NOT_JSON) from None

    def _value(self, path: Path) -> Iterator[tuple[Path, Tree]]:
        opening = self._peek()
        try:
            value = self._whole(self._window)
        except ValueError:
            if self._ended:
                raise
            if opening == "{":
                yield from self._children(path, "}", self._key)
                return
            if opening == "[":
                numbers = iter(range(10**9))
                yield from self._children(path, "]", lambda: str(next(numbers)))
                return
            if opening != '"':
                raise
            value = self._whole(MAX_TEXT)
        yield path, value

    def _children(
        self, path: Path, closing: str, name: Callable[[], str]
    ) -> Iterator[tuple[Path, Tree]]:
        check_depth(len(path))
        self._at += 1
        if self._peek() == closing:
            self._at += 1
            return
        while True:
            yield from self._value((*path, name()))
            after = self._peek()
            self._at += 1
            if after == closing:
                return
            if after != ",":
                raise ValueError(after)

    def _key(self) -> str:
        if self._peek() != '"':
            raise ValueError("a key is a string")
        key = self._whole(self._window)
        if self._peek() != ":":
            raise ValueError("a key is followed by a colon")
        self._at += 1
        return str(key)

    def _whole(self, window: int) -> Tree:
        """The value that begins here, if it ends within `window` characters."""
        self._fill(window)
        value: Tree
        value, end = self._decode(self._text, self._at)
        if end == len(self._text) and not self._ended:
            raise ValueError("a number may go on")
        self._at = end
        return value

    def _peek(self) -> str:
        """The next character that is not space; empty at the end."""
        while True:
            match = SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._fill(1)

    def _fill(self, wanted: int) -> None:
        """Have `wanted` characters from here on, or all that are left."""
        if self._ended or len(self._text) - self._at >= wanted:
            return
        parts = [self._text[self._at :]]
        have = len(parts[0])
        while have < 2 * wanted and not self._ended:
            data = self._file.read(max(self._window, wanted))
            self._ended = not data
            parts.append(self._utf8.decode(data, final=self._ended))
            have += len(parts[-1])
        self._text, self._at = "".join(parts), 0
