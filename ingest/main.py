"""The function: ``functions-framework --asgi --source ingest/main.py --target ingest``."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from functools import cache
from http import HTTPStatus

from msgspec.json import encode
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ingest.body import Full, Refused
from ingest.connection import (
    DatabaseSettings,
    DatabaseUnavailable,
    SettingError,
    check_credential,
)
from ingest.counts import log_as_json
from ingest.rates import TooMany, address_of, read_limits
from ingest.service import Service
from ingest.store import Store

RETRY_AFTER = 30
"""Seconds a client is asked to wait when the database does not answer."""

DATABASE_TIMEOUT = 8.0
"""Seconds to wait for the database to connect and to answer; firebase-admin asks twice."""

IN_CLOUD = "K_SERVICE" in os.environ
"""Cloud Run sets it, and stands between the client and the function."""

GARBAGE = 20_000
"""Objects made before garbage is looked for; few of a request's need that to be freed."""

log = logging.getLogger("wald.ingest")
log_as_json(log)

try:
    # A wrong setting is said at the start, not at a report.
    check_credential(DatabaseSettings.read(os.environ))
    read_limits(os.environ)
except SettingError as error:
    sys.exit(str(error))


@cache
def _service() -> Service:
    """Made at the first request: connections must not be shared across the server's fork."""
    gc.freeze()  # what was imported stays: it need not be searched for garbage at every turn
    gc.set_threshold(GARBAGE)
    store = Store.connect(os.environ, timeout=DATABASE_TIMEOUT)
    return Service(store, read_limits(os.environ))


async def take_reports(request: Request) -> Response:
    """``POST /v1/reports``: validate, store, answer what was taken."""
    service, address = _service(), _admit(request)
    service.intake.check_room()
    receipt = await service.intake.take(await service.bodies.read(request), address)
    return Response(encode(receipt), media_type="application/json")


async def forget(request: Request) -> Response:
    """``POST /v1/forget``: delete an install's reports, and refuse what comes of it later."""
    service, address = _service(), _admit(request)
    await service.wishes.take(await service.bodies.read(request), address)
    return JSONResponse({"status": "every report of this install is deleted"}, 202)


async def health(request: Request) -> Response:
    """``GET /healthz``, ``GET /v1/health``: 200 when the database answers."""
    _admit(request)
    await _service().ping()
    return JSONResponse({"status": "ok"})


_ROUTES: dict[str, tuple[tuple[str, ...], Callable[[Request], Awaitable[Response]]]] = {
    "/v1/reports": (("POST",), take_reports),
    "/v1/forget": (("POST",), forget),
    "/healthz": (("GET", "HEAD"), health),
    "/v1/health": (("GET", "HEAD"), health),  # Cloud Run keeps addresses that end in z to itself
}


async def ingest(request: Request) -> Response:
    """Answer a request; whatever goes wrong becomes a status and one sentence here."""
    try:
        return await _handler(request)(request)
    except Refused as refused:
        # Only JSON's reasons are known not to repeat what a client sent in its headers.
        known = refused.reason if refused.status == 400 else HTTPStatus(refused.status).phrase
        _service().counts.add("refused", known)
        return JSONResponse({"error": refused.reason}, refused.status, refused.headers)
    except TooMany as limit:
        _service().counts.add("limited", limit.what)
        return _later(429, f"{limit}; send them later", limit.retry_after)
    except Full:
        _service().counts.add("shed")
        return _later(503, "too many requests at once; keep the reports and send them later", 5)
    except ClientDisconnect:
        return Response(status_code=499)  # nobody is there to read it, and nothing was stored
    except (DatabaseUnavailable, SettingError) as error:
        log.error("%s", error)
        if isinstance(error, DatabaseUnavailable):  # without settings there is no service to count
            _service().counts.add("unavailable")
        reason = "the database does not answer; keep the reports and send them later"
        return _later(503, reason, RETRY_AFTER)


def _later(status: int, reason: str, seconds: int) -> Response:
    return JSONResponse({"error": reason}, status, {"Retry-After": str(seconds)})


def _admit(request: Request) -> str:
    """Count a request against its address, which is returned; raises `TooMany`."""
    limits = _service().limits
    if limits is None:
        return ""
    peer = request.client.host if request.client else ""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    address = address_of(peer, forwarded, in_cloud=IN_CLOUD)
    limits.admit_request(address)
    return address


def _handler(request: Request) -> Callable[[Request], Awaitable[Response]]:
    path = request.scope["path"]
    if path not in _ROUTES:
        raise Refused(404, f"no such address; there are {', '.join(_ROUTES)}")
    methods, handler = _ROUTES[path]
    if request.method not in methods:
        reason = f"method must be {' or '.join(methods)}, not {request.method}"
        raise Refused(405, reason, {"Allow": ", ".join(methods)})
    return handler
