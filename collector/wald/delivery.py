"""One request to a server, and what its answer means for the reports that were in it."""

from __future__ import annotations

import gzip
import http.client
import json
import time
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING, Literal

from .report import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

    from .report import Report

TIMEOUT = 5.0
"""Seconds that the server may take to accept a connection, or to say its next word."""

MAX_ANSWER = 1 << 20
"""Bytes of an answer that are read; a longer one is no answer of ours."""


class Answer:
    """What became of a request."""

    def __init__(
        self,
        fate: Literal["delivered", "refused", "too_large", "kept"],
        retry_after: float = 0.0,
    ) -> None:
        self.fate = fate
        """``delivered``; ``refused``: for good; ``too_large``: for one request, half of it may
        pass; ``kept``: to be sent again later."""
        self.retry_after = retry_after
        """Seconds of silence the server asks for."""


def send_reports(endpoint: str, reports: list[Report], agent: str) -> Answer:
    """POST *reports* to the ingest function at *endpoint*.

    The reports that a 200 lists as rejected are gone for good too, and so are all after a 400:
    the same words would get the same answer.
    """
    body = gzip.compress(json.dumps({"schema": SCHEMA, "reports": reports}).encode())
    headers = {
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        "User-Agent": agent,
    }
    status, answer, retry_after = post(f"{endpoint.rstrip('/')}/v1/reports", headers, body)
    if status == 200 and _is_receipt(answer):
        return Answer("delivered")
    if status == 413:
        return Answer("too_large")
    return Answer("refused") if status == 400 else Answer("kept", retry_after)


def send_event(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """POST a Sentry envelope. What Sentry refuses for good (4xx but 429) is not sent again."""
    status, _, retry_after = post(url, headers, body)
    if 200 <= status < 300:
        return Answer("delivered")
    final = 400 <= status < 500 and status != 429
    return Answer("refused") if final else Answer("kept", retry_after)


def post(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, float]:
    """POST *body*; return status, answer and the seconds of ``Retry-After``.

    Status 0 stands for silence: no connection, a broken one, a redirection (which is not
    followed: reports go where the application said and nowhere else).
    """
    request = urllib.request.Request(url, body, dict(headers), method="POST")
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=TIMEOUT) as response:
            return response.status, response.read(MAX_ANSWER), 0.0
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b"", _seconds(error.headers.get("Retry-After", ""))
    except (OSError, ValueError, http.client.HTTPException):
        return 0, b"", 0.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        return None


def _is_receipt(answer: bytes) -> bool:
    """Tell our server's receipt from the page of a hotel's or a train's network."""
    try:
        receipt = json.loads(answer)
    except ValueError:
        return False
    return isinstance(receipt, dict) and isinstance(receipt.get("accepted"), int)


def _seconds(text: str) -> float:
    """Read Retry-After: seconds or a date (RFC 9110, section 10.2.3); 0 where it is neither."""
    if text.strip().isdecimal():
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0
