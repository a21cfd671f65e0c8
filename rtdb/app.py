"""The ASGI application: each method of the protocol, its rules and its answers.

Source: https://firebase.google.com/docs/reference/rest/database.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from rtdb.commit import Committer
from rtdb.errors import Refusal
from rtdb.keys import Path, check_path, encode
from rtdb.push_id import PushIds
from rtdb.query import Query, answer, check_index, parse_query
from rtdb.read import View
from rtdb.request import RULES_PATH, Request, parse_request
from rtdb.rules import parse_rules
from rtdb.store import Namespaces, Store
from rtdb.tree import SHORT, Draft, decode_json, draft, encode_json
from rtdb.write import Mismatch, Writer

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

JSON_TYPE = b"application/json; charset=utf-8"
NOT_AN_OBJECT = (
    "Invalid data; couldn't parse JSON object. Are you sending a JSON object with valid key names?"
)

log = logging.getLogger("rtdb")


class App:
    """Answers requests from one store; `committer.run` must be running."""

    def __init__(self, store: Store, namespaces: Namespaces, committer: Committer) -> None:
        self._store = store
        self._namespaces = namespaces
        self._committer = committer
        self._idle: list[View] = []
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
        async with self._view(query) as view:
            key = encode(namespace.root, request.path)
            headers = []
            if query is not None:
                pieces = answer(view, namespace, request.path, query)
            elif request.parameters.get("shallow") == "true":
                pieces = view.shallow(key)
            else:
                pieces = view.json(key, request.pretty)
                known = request.header(b"if-none-match")
                if known or request.header(b"x-firebase-etag") == "true":
                    etag = view.etag(key)
                    headers = [(b"etag", etag.encode())]
                    if known == etag:
                        await _send(send, 304, b"", headers)
                        return
            await _send_pieces(send, pieces, headers, request.silent)

    async def _write(self, request: Request, receive: Receive, send: Send) -> None:
        self._admit(request, write=True)
        path = request.path
        expected = request.header(b"if-match")
        if expected and request.method not in ("PUT", "DELETE"):
            raise Refusal(400, f"if-match is not supported with {request.method}.")
        if request.method == "POST":
            path = (*path, self._push_ids.make(self._committer.now()))
        if request.method == "DELETE":
            drafts = [(path, Draft([None]))]
        else:
            drafts = self._drafts(request, path, await _body(receive))
        etag = request.header(b"x-firebase-etag") == "true" and request.method != "PATCH"

        def apply(writer: Writer) -> str | None:
            if expected:
                writer.check_etag(request.namespace, path, expected)
            writer.update(request.namespace, drafts)
            root = writer.namespaces.find(request.namespace).root
            return writer.etag(encode(root, path)) if etag else None

        tag = await self._committer.submit(apply, weight=len(drafts))
        headers = [(b"etag", tag.encode())] if tag else []
        if request.method == "POST":
            await _send(send, 200, encode_json({"name": path[-1]}), headers)
        elif request.silent:
            await _send(send, 204, b"", headers)
        else:
            await _send(send, 200, _echo(request, drafts), headers)

    def _drafts(self, request: Request, path: Path, body: bytearray) -> list[tuple[Path, Draft]]:
        value = decode_json(body)
        long = len(body) >= SHORT
        if request.method != "PATCH":
            return [(path, draft(value, len(path), long))]
        if not isinstance(value, dict):
            raise Refusal(400, NOT_AN_OBJECT)
        drafts = []
        for name, child in value.items():
            target = path + check_path(name)
            if len(target) == len(path):
                raise Refusal(400, NOT_AN_OBJECT)
            drafts.append((target, draft(child, len(target), long)))
        for one, following in pairwise(sorted(target for target, _ in drafts)):
            if following[: len(one)] == one:
                raise Refusal(400, "Invalid data; a path of the update lies within another.")
        return drafts

    async def _rules(self, request: Request, receive: Receive, send: Send) -> None:
        if not request.is_owner:
            raise Refusal(401, "Permission denied")
        if request.method == "GET":
            await _send(send, 200, self._namespaces.find(request.namespace).rules.text)
        elif request.method == "PUT":
            rules = parse_rules(bytes(await _body(receive)))
            name = request.namespace
            await self._committer.submit(lambda writer: writer.namespaces.set_rules(name, rules))
            await _send(send, 200, b'{"status": "ok"}')
        else:
            raise Refusal(405, "Method not allowed: use GET or PUT.")

    @asynccontextmanager
    async def _view(self, query: Query | None) -> AsyncIterator[View]:
        """A view of the last committed state, which must have its index if a query needs it."""
        view = self._open_view()
        if query is not None and query.order != "$key" and not view.is_indexed():
            self._close_view(view)
            while self._committer.lag > 2000:
                await self._committer.submit(lambda writer: writer.indexer.catch_up(2000))
            view = await self._committer.submit(
                lambda writer: writer.indexer.catch_up(writer.lag),
                then=lambda _: self._open_view(),
            )
        try:
            yield view
        finally:
            self._close_view(view)

    def _open_view(self) -> View:
        view = self._idle.pop() if self._idle else View(self._store.connect())
        view.db.execute("BEGIN")
        view.db.execute("SELECT indexed FROM state").fetchone()  # the state is seen from here on
        return view

    def _close_view(self, view: View) -> None:
        view.db.execute("ROLLBACK")
        self._idle.append(view)


def _echo(request: Request, drafts: list[tuple[Path, Draft]]) -> bytes:
    """What was written, with server values filled in."""
    if request.method != "PATCH":
        return encode_json(drafts[0][1].tree)
    depth = len(request.path)
    return encode_json({"/".join(path[depth:]): made.tree for path, made in drafts})


async def _body(receive: Receive) -> bytearray:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "The request ended early.")
        body += message["body"]
        if not message.get("more_body"):
            return body


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
    send: Send, pieces: Iterator[bytes], headers: list[tuple[bytes, bytes]], silent: bool
) -> None:
    first, second = next(pieces, b""), next(pieces, None)
    if silent:
        await _send(send, 204, b"", headers)
    elif second is None:
        await _send(send, 200, first, headers)
    else:
        start = [(b"content-type", JSON_TYPE), (b"cache-control", b"no-cache"), *headers]
        await send({"type": "http.response.start", "status": 200, "headers": start})
        for piece in (first, second):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
