"""Keys for POST that sort by the time at which they were made.

Eight characters are the time in ms, twelve are random; within one ms the random part counts up
(https://firebase.blog/posts/2015/02/the-2120-ways-to-ensure-unique_68).
"""

import secrets

ALPHABET = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
RANDOM_BITS = 72


class PushIds:
    """Makes keys, each greater than the one before."""

    def __init__(self) -> None:
        self._now = 0
        self._random = 0

    def make(self, now_ms: int) -> str:
        """The next key at `now_ms`; a clock that went back counts as if it stood still."""
        if now_ms > self._now:
            self._now = now_ms
            self._random = secrets.randbits(RANDOM_BITS)
        else:
            self._random = (self._random + 1) % 2**RANDOM_BITS
            self._now += self._random == 0
        return _digits(self._now, 8) + _digits(self._random, 12)


def _digits(number: int, length: int) -> str:
    places = range(length - 1, -1, -1)
    return "".join(ALPHABET[number >> 6 * place & 63] for place in places)
