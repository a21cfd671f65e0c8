"""The body of a write: read with bounded memory, checked, and turned into an operation.

A short body is one value in memory. A longer one goes to a temporary file and is taken apart
while it is written to the store, in one transaction.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise
from typing import IO, Any

from msgspec import Raw

from rtdb.errors import Refusal
from rtdb.keys import FORBIDDEN, MAX_KEY_BYTES, Path, check_depth, check_key, check_path
from rtdb.pieces import Pieces
from rtdb.tree import NOT_JSON, SHORT, Draft, Tree, decode_json, decode_members, draft, encode_json
from rtdb.write import STATEMENT_PATHS, Writer, batches

SHORT_BODY = 1024 * 1024
MAX_BODY = 256 * 1024 * 1024  # https://firebase.google.com/docs/database/usage/limits
TOO_LARGE = "Data to write exceeds the maximum size that can be modified with a single request."
NOT_AN_OBJECT = (
    "Invalid data; couldn't parse JSON object. Are you sending a JSON object with valid key names?"
)
WITHIN = "Invalid data; a path of the update lies within another."
LONG_WEIGHT = 1000

Body = bytearray | IO[bytes]
Piece = tuple[Path, Tree]


@dataclass(frozen=True)
class Write:
    """An operation for the writer; `echo` is what was written, if that is short."""

    apply: Callable[[Writer], None]
    weight: int
    echo: Callable[[], bytes] | None


async def read_body(receive: Callable[[], Any]) -> Body:
    """The whole body: in memory, or in a file if it is long."""
    body, file, size = bytearray(), None, 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The request ended early.")
        body += message["body"]
        size += len(message["body"])
        if size > MAX_BODY:
            raise Refusal(400, TOO_LARGE)
        if len(body) > SHORT_BODY or (file and not message.get("more_body")):
            file = file or tempfile.TemporaryFile()  # noqa: SIM115 - it goes with its last user
            file.write(body)
            body.clear()
        if not message.get("more_body"):
            return file or body


def putting(name: str, path: Path, body: Body) -> Write:
    """Replace what is at `path`."""
    if not isinstance(body, bytearray):
        return _streamed(body, lambda writer, pieces: writer.replace(name, path, _checked(pieces)))
    made = draft(decode_json(body), len(path), len(body) >= SHORT)
    return _short(name, [(path, made)], lambda: made.text or b"null")


def patching(name: str, path: Path, body: Body) -> Write:
    """Replace each child that the body names, by key or by path."""
    if not isinstance(body, bytearray):
        return _streamed(body, lambda writer, pieces: _patch(writer, name, path, pieces))
    members = decode_members(body)
    if members is None:
        raise Refusal(400, NOT_AN_OBJECT)
    values = ((key, decode_json(value)) for key, value in members.items())
    drafts = _drafts(path, values, len(body) >= SHORT)
    _check_apart([target for target, _ in drafts])
    return _short(
        name, drafts, lambda: encode_json(dict(zip(members, _shown(drafts), strict=True)))
    )


def _shown(drafts: list[tuple[Path, Draft]]) -> Iterator[Raw]:
    return (Raw(made.text or b"null") for _, made in drafts)


def _short(name: str, drafts: list[tuple[Path, Draft]], echo: Callable[[], bytes]) -> Write:
    removes = any(made.text is None for _, made in drafts)  # who knows how much
    weight = LONG_WEIGHT if removes else len(drafts)
    return Write(lambda writer: writer.update(name, drafts), weight, echo)


def _streamed(file: IO[bytes], write: Callable[[Writer, Iterator[Piece]], None]) -> Write:
    def apply(writer: Writer) -> None:
        file.seek(0)
        try:
            write(writer, Pieces(file).read())
        except UnicodeEncodeError:
            raise Refusal(400, NOT_JSON) from None

    return Write(apply, LONG_WEIGHT, None)


def _patch(writer: Writer, name: str, path: Path, pieces: Iterator[Piece]) -> None:
    """Children that came whole are put many at a time, one that came in pieces by itself."""
    targets: list[Path] = []
    for key, group in groupby(_members(pieces), lambda piece: piece[0][0] * (len(piece[0]) > 1)):
        if key:
            targets.append(_target(path, key))
            below = ((rest[1:], value) for rest, value in group)
            writer.replace(name, targets[-1], _checked(below))
            continue
        for some in batches(group, STATEMENT_PATHS):
            drafts = _drafts(path, [(rest[0], value) for rest, value in some], long=True)
            targets += [target for target, _ in drafts]
            writer.update(name, drafts)
    _check_apart(targets)


def _members(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces of an object, also where it came as one."""
    for below, value in pieces:
        if below:
            yield below, value
        elif isinstance(value, dict):
            yield from (((key,), child) for key, child in value.items())
        else:
            raise Refusal(400, NOT_AN_OBJECT)


def _checked(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces, the keys on their paths looked at."""
    for below, value in pieces:
        for key in below:
            check_key(key)
        yield below, value


def _drafts(
    path: Path, members: Iterable[tuple[str, Tree]], long: bool
) -> list[tuple[Path, Draft]]:
    drafts = []
    for key, child in members:
        target = _target(path, key)
        drafts.append((target, draft(child, len(target), long)))
    return drafts


def _target(path: Path, name: str) -> Path:
    above, _, key = name.rpartition("/")
    if key and len(name) * 4 <= MAX_KEY_BYTES and not FORBIDDEN.search(key):
        return *_place(path, above), key
    target = path + check_path(name)
    if len(target) == len(path):
        raise Refusal(400, NOT_AN_OBJECT)
    check_depth(len(target))
    return target


@lru_cache(maxsize=256)
def _place(path: Path, name: str) -> Path:
    """Where the children of an update mostly stand: many of them in one place."""
    place = path + check_path(name)
    check_depth(len(place) + 1)
    return place


def _check_apart(targets: list[Path]) -> None:
    if len(set(map(len, targets))) <= 1 and len(set(targets)) == len(targets):
        return  # as deep as each other
    for one, following in pairwise(sorted(targets)):
        if following[: len(one)] == one:
            raise Refusal(400, WITHIN)
