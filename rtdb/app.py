"""The ASGI application: each method of the protocol, its rules and its answers.

Source: https://firebase.google.com/docs/reference/rest/database.
"""

import asyncio
import contextlib
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import chain
from typing import IO, Any, Self, cast

from rtdb.body import TOO_LARGE, patching, putting, read_body
from rtdb.commit import Committer
from rtdb.errors import Refusal
from rtdb.index import CATCH_UP_ROWS
from rtdb.keys import encode
from rtdb.push_id import PushIds
from rtdb.query import Query, answer, answer_size, check_index, parse_query
from rtdb.read import CHUNK_BYTES, View
from rtdb.request import RULES_PATH, Request, parse_request
from rtdb.rules import parse_rules
from rtdb.store import Namespace, Namespaces, Store
from rtdb.tree import encode_json
from rtdb.write import Mismatch, Writer

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

JSON_TYPE = b"application/json; charset=utf-8"
MAX_RESPONSE = 256 * 1024 * 1024  # https://firebase.google.com/docs/database/usage/limits
MOST_HELD = 16 * 1024 * 1024  # bytes of an answer that wait to hear that it is not too much
TOO_MUCH = (
    "Data requested exceeds the maximum size that can be accessed with a single request. "
    "Contact firebase-support@google.com for help."
)
STALLED_SECONDS = 60  # a client that takes nothing for so long is cut off

log = logging.getLogger("rtdb")


class App:
    """Answers requests from one store; `committer.run` must be running."""

    def __init__(self, store: Store, namespaces: Namespaces, committer: Committer) -> None:
        self._store = store
        self._namespaces = namespaces
        self._committer = committer
        self._idle: list[sqlite3.Connection] = []
        self._push_ids = PushIds()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            await self._respond(parse_request(scope), receive, send)
        except Refusal as refusal:
            await _send_error(send, refusal.status, refusal.sentence)
        except Mismatch as mismatch:
            etag = [(b"etag", mismatch.etag.encode())]
            await _send(send, 412, mismatch.body, etag)
        except Exception:
            log.exception("%s %s", scope["method"], scope["path"])
            with contextlib.suppress(RuntimeError):  # an answer had begun
                await _send_error(send, 500, "Internal server error.")

    async def _respond(self, request: Request, receive: Receive, send: Send) -> None:
        if request.target == RULES_PATH:
            await self._rules(request, receive, send)
        elif request.method == "GET":
            await self._get(request, send)
        elif request.method in ("PUT", "PATCH", "POST", "DELETE"):
            await self._write(request, receive, send)
        else:
            raise Refusal(405, "Method not allowed: use GET, PUT, PATCH, POST or DELETE.")

    def _admit(self, request: Request, write: bool) -> None:
        rules = self._namespaces.find(request.namespace).rules
        if not request.is_owner and not rules.allows(request.path, write):
            raise Refusal(401, "Permission denied")

    async def _get(self, request: Request, send: Send) -> None:
        self._admit(request, write=False)
        if b"event-stream" in request.headers.get(b"accept", b""):
            raise Refusal(400, "Streaming is not supported here: read again with GET instead.")
        query = parse_query(request.parameters)
        namespace = self._namespaces.find(request.namespace)
        if query is not None:
            check_index(query, namespace.rules, request.path)
        with await self._view_for(namespace, query) as view:
            key = encode(namespace.root, request.path)
            headers: list[tuple[bytes, bytes]] = []
            if query is not None:
                pieces = answer(view, namespace, request.path, query, request.pretty)
            elif request.parameters.get("shallow") == "true":
                pieces = view.shallow(key)
            else:
                known = request.header(b"if-none-match")
                if known or request.header(b"x-firebase-etag") == "true":
                    etag = await asyncio.to_thread(view.etag, key)
                    headers.append((b"etag", etag.encode()))
                    if known == etag:
                        await _send(send, 304, b"", headers)
                        return
                pieces = view.json(key, request.pretty)
            if request.silent:
                await _send(send, 204, b"", headers)
                return
            if request.parameters.get("shallow") != "true":
                measure = partial(view.size, key)
                if query is not None:
                    measure = partial(answer_size, view, namespace, request.path, query)
                pieces = await self._checked(pieces, measure)
            await _send_pieces(send, pieces, headers)

    async def _checked(
        self, pieces: Iterator[bytes], measure: Callable[[], int]
    ) -> Iterator[bytes]:
        """The same pieces; refuses to send more than the hosted database does.

        The first of them are held until it is known: to measure takes a third as long as to read,
        and most answers end before that.
        """
        if self._store.size() <= MAX_RESPONSE:
            return pieces
        held: list[bytes] = []
        size = 0
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size > MOST_HELD:
                if await asyncio.to_thread(measure) > MAX_RESPONSE:
                    raise Refusal(400, TOO_MUCH)
                break
            await asyncio.sleep(0)  # others have their turn
        return chain(held, pieces)

    async def _write(self, request: Request, receive: Receive, send: Send) -> None:
        self._admit(request, write=True)
        path, name = request.path, request.namespace
        expected = request.header(b"if-match")
        if expected and request.method not in ("PUT", "DELETE"):
            raise Refusal(400, f"if-match is not supported with {request.method}.")
        if request.method == "POST":
            path = (*path, self._push_ids.make(self._committer.now()))
        body = bytearray(b"null") if request.method == "DELETE" else await read_body(receive)
        write = (patching if request.method == "PATCH" else putting)(name, path, body)
        etag = request.header(b"x-firebase-etag") == "true" and request.method != "PATCH"

        def apply(writer: Writer) -> str | None:
            if expected:
                writer.check_etag(name, path, expected)
            write.apply(writer)
            return writer.etag(encode(writer.namespaces.find(name).root, path)) if etag else None

        tag = await self._committer.submit(apply, weight=write.weight)
        headers = [(b"etag", tag.encode())] if tag else []
        if request.method == "POST":
            await _send(send, 200, encode_json({"name": path[-1]}), headers)
        elif request.silent:
            await _send(send, 204, b"", headers)
        elif write.echo is not None:
            await _send(send, 200, write.echo(), headers)
        elif request.method == "PATCH" and not isinstance(body, bytearray):
            await _send_pieces(send, _contents(body), headers)
        else:
            with self._open_view() as view:
                key = encode(self._namespaces.find(name).root, path)
                await _send_pieces(send, view.json(key), headers)

    async def _rules(self, request: Request, receive: Receive, send: Send) -> None:
        if not request.is_owner:
            raise Refusal(401, "Permission denied")
        if request.method == "GET":
            await _send(send, 200, self._namespaces.find(request.namespace).rules.text)
        elif request.method == "PUT":
            body = await read_body(receive)
            if not isinstance(body, bytearray):
                raise Refusal(400, TOO_LARGE)
            rules = parse_rules(bytes(body))
            name = request.namespace
            await self._committer.submit(lambda writer: writer.set_rules(name, rules))
            caution = {"warning": rules.caution} if rules.caution else {}
            await _send(send, 200, json.dumps({"status": "ok", **caution}).encode())
        else:
            raise Refusal(405, "Method not allowed: use GET or PUT.")

    async def _view_for(self, namespace: Namespace, query: Query | None) -> "OpenView":
        """A view of the last committed state, which must have its index if a query needs it."""
        view = self._open_view()
        if query is None or query.order == "$key" or view.is_indexed(namespace):
            return view
        view.close()
        while self._committer.lag > CATCH_UP_ROWS:
            await self._committer.submit(_catch_up, weight=CATCH_UP_ROWS)
        return cast(
            OpenView,
            await self._committer.submit(
                lambda writer: writer.catch_up(writer.lag + 1),
                then=lambda _: self._open_view(),
                weight=CATCH_UP_ROWS,
            ),
        )

    def _open_view(self) -> "OpenView":
        return OpenView(self._idle.pop() if self._idle else self._store.connect(), self._idle)


def _catch_up(writer: Writer) -> None:
    writer.catch_up(CATCH_UP_ROWS)


class OpenView(View):
    """A view whose transaction ends, and whose connection is given back, on `close`."""

    def __init__(self, db: sqlite3.Connection, idle: list[sqlite3.Connection]) -> None:
        super().__init__(db)
        self._given_back = idle
        db.execute("BEGIN")
        db.execute("SELECT indexed FROM state").fetchone()  # from here on the state stands

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the view."""
        self.db.execute("ROLLBACK")
        self._given_back.append(self.db)


async def _send_error(send: Send, status: int, sentence: str) -> None:
    await _send(send, status, encode_json({"error": sentence}))


async def _send(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    start = [(b"content-type", JSON_TYPE), (b"cache-control", b"no-cache"), *(headers or [])]
    if status not in (204, 304):
        start.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


async def _send_pieces(
    send: Send, pieces: Iterator[bytes], headers: list[tuple[bytes, bytes]]
) -> None:
    """Answer in one write if it is short, else piece by piece as the client takes them."""
    first, second = next(pieces, b""), next(pieces, None)
    if second is None:
        await _send(send, 200, first, headers)
        return
    start = [(b"content-type", JSON_TYPE), (b"cache-control", b"no-cache"), *headers]
    await send({"type": "http.response.start", "status": 200, "headers": start})
    try:
        for piece in chain((first, second), pieces):
            async with asyncio.timeout(STALLED_SECONDS):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    except TimeoutError:
        return  # the server closes the connection, as the answer is not complete
    await send({"type": "http.response.body", "body": b""})


def _contents(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    return iter(lambda: file.read(CHUNK_BYTES), b"")
