"""Keys of the tree: what is allowed in them, how they sort, and their form on disk.

Keys that parse as 32-bit integers come first, by number; the others follow in the order of
their UTF-8 bytes (https://firebase.google.com/docs/database/rest/retrieve-data, "How data is
ordered"). A path on disk is its keys' segments one after another, after four bytes for the
namespace. No segment is the beginning of another, and comparing segments as bytes compares
their keys, so a path sorts right before everything below it.

    integer key: 01, the number + 2^31 in 4 bytes, the text's length in 2 bytes, the text, 00
    other key:   02, the text, 00
"""

import re
from functools import lru_cache

from rtdb.errors import Refusal

Path = tuple[str, ...]

MAX_DEPTH = 32
MAX_KEY_BYTES = 768
END = b"\xff"  # after every path below the one it is added to
INTEGER_TAG, TEXT_TAG = 1, 2
INTEGER_HEAD = 7

FORBIDDEN = re.compile(r"[.$#\[\]/\x00-\x1f\x7f]")
FORBIDDEN_IN_PATH = re.compile(r"[.$#\[\]\x00-\x1f\x7f]")
INTEGER = re.compile(r"-?0*\d{1,10}", re.ASCII)
ARRAY_INDEX = re.compile(r"0|[1-9]\d{0,9}", re.ASCII)


@lru_cache(maxsize=4096)
def check_key(key: str) -> str:
    """Return `key`, or refuse it in the hosted database's words."""
    if not key or FORBIDDEN.search(key):
        raise Refusal(
            400,
            f"Invalid data; couldn't parse key {key[:80]!r}. "
            "Key value can't be empty or contain $ # [ ] / or .",
        )
    if len(key) * 4 > MAX_KEY_BYTES and len(key.encode()) > MAX_KEY_BYTES:
        raise Refusal(400, f"Invalid data; a key is longer than {MAX_KEY_BYTES} bytes.")
    return key


def check_path(text: str) -> Path:
    """Split `a/b/c`; empty parts count for nothing, as in the hosted database's URLs."""
    if FORBIDDEN_IN_PATH.search(text):
        raise Refusal(400, "Invalid path: Invalid token in path")
    path = tuple([part for part in text.split("/") if part])
    check_depth(len(path))
    if len(text) * 4 > MAX_KEY_BYTES:
        for key in path:
            check_key(key)
    return path


def check_depth(depth: int) -> None:
    """Refuse what lies deeper than the hosted database's 32 levels."""
    if depth > MAX_DEPTH:
        raise Refusal(400, f"Invalid data; the tree is limited to {MAX_DEPTH} levels.")


def integer_of(key: str) -> int | None:
    """The number that `key` sorts as, or None if it sorts as text."""
    if not INTEGER.fullmatch(key):
        return None
    number = int(key)
    return number if -(2**31) <= number < 2**31 else None


def segment(key: str) -> bytes:
    """The form of one key on disk; it sorts as the key does."""
    text = key.encode()
    number = integer_of(key) if key[0] in "-0123456789" else None
    if number is None:
        return b"\x02" + text + b"\x00"
    head = (number + 2**31).to_bytes(4, "big") + len(text).to_bytes(2, "big")
    return b"\x01" + head + text + b"\x00"


def encode(root: bytes, path: Path) -> bytes:
    """The form of `path` on disk, below the namespace `root`."""
    return root + _joined(path[:-1]) + segment(path[-1]) if path else root


@lru_cache(maxsize=4096)
def _joined(path: Path) -> bytes:
    return b"".join(map(segment, path))


def segment_end(key: bytes, start: int) -> int:
    """Where the segment that begins at `start` ends."""
    return key.index(0, start + INTEGER_HEAD if key[start] == INTEGER_TAG else start) + 1


def text_of(seg: bytes) -> bytes:
    """The key of one segment, as UTF-8."""
    return seg[INTEGER_HEAD:-1] if seg[0] == INTEGER_TAG else seg[1:-1]


def decode(key: bytes, start: int) -> Path:
    """The keys of `key` from byte `start` on."""
    keys = []
    while start < len(key):
        end = segment_end(key, start)
        keys.append(text_of(key[start:end]).decode())
        start = end
    return tuple(keys)


def sort_key(key: str) -> bytes:
    """Sorts keys as the database does."""
    return segment(key)
