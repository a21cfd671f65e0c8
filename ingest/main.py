"""The function: ``functions-framework --asgi --source ingest/main.py --target ingest``."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Awaitable, Callable
from functools import cache

from msgspec.json import encode
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ingest.body import Refused, read_json_body
from ingest.commit import Full
from ingest.connection import (
    DatabaseSettings,
    DatabaseUnavailable,
    SettingError,
    check_credential,
)
from ingest.intake import Intake
from ingest.store import Store

sys.setswitchinterval(0.001)  # threads that call the database wait for so long at most

log = logging.getLogger("wald.ingest")

RETRY_AFTER = "30"
"""Seconds a client is asked to wait when the database does not answer."""

DATABASE_TIMEOUT = 8.0
"""Seconds to wait for the database to connect and to answer; firebase-admin asks twice."""

try:
    # A wrong setting is said at the start, not at a report.
    check_credential(DatabaseSettings.read(os.environ))
except SettingError as error:
    sys.exit(str(error))


@cache
def _store() -> Store:
    """Made at the first request: connections must not be shared across the server's fork."""
    return Store.connect(os.environ, timeout=DATABASE_TIMEOUT)


@cache
def _intake() -> Intake:
    return Intake(_store())


async def take_reports(request: Request) -> Response:
    """``POST /v1/reports``: validate, store, answer what was taken."""
    receipt = await _intake().take(await read_json_body(request))
    return Response(encode(receipt), media_type="application/json")


async def health(request: Request) -> Response:
    """``GET /healthz``: 200 when the database answers."""
    await run_in_threadpool(lambda: _store().ping())
    return JSONResponse({"status": "ok"})


_ROUTES: dict[str, tuple[tuple[str, ...], Callable[[Request], Awaitable[Response]]]] = {
    "/v1/reports": (("POST",), take_reports),
    "/healthz": (("GET", "HEAD"), health),
}


async def ingest(request: Request) -> Response:
    """Answer a request; whatever goes wrong becomes a status and one sentence here."""
    try:
        return await _handler(request)(request)
    except Refused as refused:
        return JSONResponse({"error": refused.reason}, refused.status, refused.headers)
    except Full:
        reason = "too many reports at once; keep them and send them later"
        return JSONResponse({"error": reason}, 503, {"Retry-After": RETRY_AFTER})
    except ClientDisconnect:
        return Response(status_code=499)  # nobody is there to read it, and nothing was stored
    except (DatabaseUnavailable, SettingError) as error:
        log.error("%s", error)
        reason = "the database does not answer; keep the reports and send them later"
        return JSONResponse({"error": reason}, 503, {"Retry-After": RETRY_AFTER})


def _handler(request: Request) -> Callable[[Request], Awaitable[Response]]:
    path = request.scope["path"]
    if path not in _ROUTES:
        raise Refused(404, f"no such address; there are {' and '.join(_ROUTES)}")
    methods, handler = _ROUTES[path]
    if request.method not in methods:
        reason = f"method must be {' or '.join(methods)}, not {request.method}"
        raise Refused(405, reason, {"Allow": ", ".join(methods)})
    return handler
