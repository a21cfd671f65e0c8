"""A proxy that stores what it is sent and says that it failed, as a database in trouble does."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.ingest.function import HOST
from tests.rtdb.server import Server


@contextmanager
def flaky_proxy(server: Server, *, failures: int) -> Iterator[int]:
    """Answer 503 to so many updates, each of which was done; yields the proxy's port."""
    failing = [503] * failures

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            upstream = http.client.HTTPConnection(server.host, server.port)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            said = answer.read()
            upstream.close()
            status = answer.status
            if self.command == "PATCH" and failing:
                status, said = failing.pop(), b'{"error": "try again"}'
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_PATCH = do_PUT = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer((HOST, 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever).start()
        yield proxy.server_port
        proxy.shutdown()
