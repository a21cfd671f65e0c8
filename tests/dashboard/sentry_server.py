"""A server on loopback that answers as docs.sentry.io describes it, or in the ways it may fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "sntrys_of-this-test"

ISSUE = {
    "id": "4711",
    "shortId": "TOOL-7",
    "title": "ConnectionError: <b>suricata</b>",
    "status": "ignored",
    "level": "fatal",
    "permalink": "https://sentry.example/organizations/acme/issues/4711/",
    "lastSeen": "2026-11-20T10:00:00Z",
}
"""As in a list; asked for by itself, it also tells its releases."""


@dataclass
class SentryServer:
    """What it holds, what was asked, and how it behaves."""

    url: str = ""
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By fingerprint."""
    asked: list[str] = field(default_factory=list)
    """Path and query of every request that bore the token."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """Instead of what it should say."""
    hanging: threading.Event | None = None
    """Until this is set, it answers nothing."""

    def answer(self, path: str, token: str) -> tuple[int, Any]:
        """Status and content for a request."""
        if token != f"Bearer {TOKEN}":
            return 401, {"detail": "Invalid token"}
        self.asked.append(path)
        if self.hanging:
            self.hanging.wait()
        parts = urlsplit(path)
        match parts.path.strip("/").split("/"):
            case ["api", "0", "organizations", "acme", "issues"]:
                words = dict(w.split(":") for w in parse_qs(parts.query)["query"][0].split())
                assert words.get("project") == "tool"
                found = self.issues.get(words["wald.fingerprint"])
                return self.status, [found] if found else []
            case ["api", "0", "organizations", "acme", "issues", number]:
                [issue] = (i for i in self.issues.values() if i["id"] == number)
                return self.status, {**issue, "lastRelease": {"version": "tool@2.4.0"}}
            case _:
                return 404, {"detail": "The requested resource does not exist"}


@contextmanager
def serving() -> Iterator[SentryServer]:
    """Serve while the block runs."""
    state = SentryServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = state.answer(self.path, self.headers.get("Authorization", ""))
            body = json.dumps(content).encode() if state.body is None else state.body
            self.send_response(status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield state
    finally:
        if state.hanging:
            state.hanging.set()
        server.shutdown()
        thread.join()
        server.server_close()
