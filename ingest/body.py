"""Reading a request's body within its bounds, while it arrives."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request

MAX_SENT = 1024**2
"""Bytes of a body as sent."""

MAX_UNPACKED = 8 * 1024**2
"""Bytes of a body once unpacked."""


MAX_HELD = 64 * 1024**2
"""Bytes of all bodies that are being read at once."""


class Full(Exception):
    """Too much is under way already; nothing of the request was taken."""


class Refused(Exception):
    """The request can't be taken; nothing of it was."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers


class Bodies:
    """The bodies that are being read, bounded in sum."""

    def __init__(self) -> None:
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """Return a body, unpacked, without ever holding more than the bounds allow.

        Raises:
            Refused: 413 for a body too large, 415 for another type or encoding than JSON and
                gzip, 400 for a damaged one.
            Full: too many bodies are being read.
        """
        media_type = _header(request, b"content-type").partition(";")[0].strip()
        if media_type != "application/json":
            media_type = media_type or "absent"
            raise Refused(415, f"content-type must be application/json, not {media_type}")
        encoding = _header(request, b"content-encoding", "identity")
        if encoding not in ("identity", "gzip"):
            raise Refused(415, f"content-encoding must be gzip or absent, not {encoding}")
        sent = await self._read(request)
        return _unpack(sent) if encoding == "gzip" else sent

    async def _read(self, request: Request) -> bytes:
        sent = bytearray()
        try:
            while True:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk = message.get("body", b"")
                sent += chunk
                self._held += len(chunk)
                if len(sent) > MAX_SENT:
                    raise Refused(413, f"body is larger than {MAX_SENT} bytes")
                if self._held > MAX_HELD:
                    raise Full
                if not message.get("more_body"):
                    return bytes(sent)
        finally:
            self._held -= len(sent)


def _header(request: Request, name: bytes, default: str = "") -> str:
    """A header in lower case; Starlette's mapping of them costs as much as reading the body."""
    for key, value in request.scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text.strip().lower()
    return default


def _unpack(sent: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: gzip's header and checksum
    try:
        body = unpacker.decompress(sent, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise Refused(400, "body is not gzip, as its content-encoding says") from error
    if len(body) > MAX_UNPACKED:
        raise Refused(413, f"body is larger than {MAX_UNPACKED} bytes unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise Refused(400, "body is gzip cut off or with more behind it")
    return body
