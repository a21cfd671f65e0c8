"""Updates of a database from the event loop, over connections that stay open.

A group of reports is one update, and at full load there are two hundred a second. From a thread
each waits for Python's lock six times while the event loop has requests, and aiohttp's client
costs more than the thread. What an update needs of HTTP is little: a PATCH of known length, and an
answer whose status counts.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from google.auth.exceptions import GoogleAuthError
from httptools import HttpParserError, HttpResponseParser

from ingest.calls import Caller

SHOWN = 200
"""Bytes of an answer that are kept; a refusal says why in fewer."""

BUSY = (500, 503)
"""The statuses that firebase-admin asks again after."""

PAUSES = (0.0, 1.0, 2.0, 4.0)
"""Seconds before it does so each time."""

PATIENCE = 30.0
"""Seconds after which an update is given up, however often it was sent."""


class Answer(NamedTuple):
    """What the database said."""

    status: int
    said: bytes
    """Its first `SHOWN` bytes."""


class Channel:
    """Sends updates to one database. Belongs to the event loop it is used in."""

    def __init__(self, caller: Caller) -> None:
        """Nothing is sent yet.

        Args:
            caller: knows the database, and reaches it where a proxy stands before it.
        """
        self._caller = caller
        parts = urlsplit(caller.base)
        safe = parts.scheme == "https"
        self._host, self._port = str(parts.hostname), parts.port or (443 if safe else 80)
        self._tls = _trusting(caller.authorities) if safe else None
        self._head = f"PATCH {caller.target} HTTP/1.1\r\nHost: {parts.netloc}\r\n".encode()
        self._idle: list[_Connection] = []

    async def patch(self, body: bytes) -> int:
        """Send a multi-path update, as JSON, and return when it is durable.

        Returns how often it had to be sent again; that changes nothing, as its keys are in it.
        As by firebase-admin, that is once after a lost connection or no answer in time, and up to
        four times after an answer that means busy.

        Raises:
            DatabaseRefused: the database answers, but does not take it.
            DatabaseUnavailable: it may not be stored.
        """
        if self._caller.proxied:
            return await asyncio.to_thread(self._caller.patch, body)
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._patch(body)
        except TimeoutError as error:
            raise self._caller.unavailable("did not answer in time") from error

    async def _patch(self, body: bytes) -> int:
        lost = busy = 0
        while True:
            try:
                answer = await self._exchange(body)
            except (OSError, HttpParserError) as error:
                if lost:
                    late = isinstance(error, TimeoutError)
                    why = "did not answer in time" if late else "does not answer"
                    raise self._caller.unavailable(why) from error
                lost += 1
                self._hang_up()  # what lost one connection may have taken the others
            except GoogleAuthError as error:
                raise self._caller.unavailable(f"can't be asked: {error}") from error
            else:
                if answer.status not in BUSY or busy == len(PAUSES):
                    self._caller.check(answer.status, answer.said)
                    return lost + busy
                await asyncio.sleep(PAUSES[busy])
                busy += 1

    async def _exchange(self, body: bytes) -> Answer:
        headers = await self._caller.authorized({"Content-Type": "application/json"})
        headers["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        async with asyncio.timeout(self._caller.timeout):
            connection = await self._connection()
            return await connection.send(b"%b%b\r\n%b" % (self._head, lines.encode(), body))

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        _, made = await asyncio.get_running_loop().create_connection(
            lambda: _Connection(self._idle.append), self._host, self._port, ssl=self._tls
        )
        return made

    def _hang_up(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _trusting(authorities: str) -> ssl.SSLContext:
    """TLS that believes in the certificates of a file or a folder."""
    if Path(authorities).is_dir():
        return ssl.create_default_context(capath=authorities)
    return ssl.create_default_context(cafile=authorities)


class _Connection(asyncio.Protocol):
    """Sends one request at a time, and reads its answer."""

    def __init__(self, give_back: Callable[[_Connection], None]) -> None:
        """Args: `give_back` is told when the connection may be used again."""
        self._give_back = give_back
        self._parser = HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._said = b""

    @property
    def open(self) -> bool:
        """Whether another request may be sent."""
        return not self._transport.is_closing()

    async def send(self, request: bytes) -> Answer:
        """Send a request and return its answer.

        Raises:
            OSError: the connection was lost before the whole answer was there.
            HttpParserError: what came is no HTTP.
        """
        self._said = b""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._transport.write(request)
        try:
            return await answer
        finally:
            if self._answer is answer:  # given up: its answer must not become another's
                self._transport.abort()

    def close(self) -> None:
        """End it; no request may be under way."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio's protocol."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Part of asyncio's protocol."""
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        """Part of asyncio's protocol."""
        self._fail(error or ConnectionResetError("closed before the answer"))

    def on_body(self, data: bytes) -> None:
        """Part of httptools's protocol."""
        self._said = (self._said + data)[:SHOWN]

    def on_message_complete(self) -> None:
        """Part of httptools's protocol."""
        status = self._parser.get_status_code()
        if status < 200:
            return  # it says that an answer will come
        answer, self._answer = self._answer, None
        if answer is None or answer.done() or not self._parser.should_keep_alive():
            self._transport.close()
        else:
            self._give_back(self)
        if answer is not None and not answer.done():
            answer.set_result(Answer(status, self._said))

    def _fail(self, error: Exception) -> None:
        self._transport.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
