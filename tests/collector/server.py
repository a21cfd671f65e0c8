"""A server on loopback that keeps every request, and answers as the test wants it."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Request(NamedTuple):
    """A request as it came in; the body is unpacked."""

    path: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """An answer: status, headers, and a body (by default the receipt for all reports)."""

    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    body: bytes | None = None


class Holding:
    """An answer that is held back: for `Server.answer`."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        """Set once a request is there."""
        self.go = threading.Event()
        """Set it to have the answers given."""

    def __call__(self, request: Request) -> Reply:
        self.asked.set()
        self.go.wait(10)
        return Reply()


class Server:
    """Records requests; ``answer`` may be set to a function from the request to a `Reply`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Reply] = lambda request: Reply()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        """What a collector takes as its endpoint."""
        return f"http://{self.host}"

    @property
    def reports(self) -> list[dict[str, Any]]:
        """Every report of every request, in the order of arrival."""
        bodies = [json.loads(r.body) for r in self.requests if r.path == "/v1/reports"]
        return [report for body in bodies for report in body["reports"]]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                request = Request(self.path, dict(self.headers.items()), body)
                reply = server.answer(request)
                server.requests.append(request)
                content = reply.body if reply.body is not None else _receipt(body)
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler


def _receipt(body: bytes) -> bytes:
    try:
        reports = json.loads(body)["reports"]
    except (ValueError, KeyError):
        return b"{}"  # an envelope for Sentry, or the wish to be forgotten
    return json.dumps({"accepted": len(reports), "rejected": []}).encode()
