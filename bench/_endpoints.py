"""Endpoints on loopback for clients to report to: one that works, and all the ways not to."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def taking_all() -> Iterator[str]:
    """Serve an endpoint that takes everything; yields its address."""
    with _serving(_take) as url:
        yield url


@contextmanager
def broken() -> Iterator[dict[str, str]]:
    """Serve endpoints that take nothing; yields their addresses by what is wrong with them."""
    with ExitStack() as stack:
        black_hole = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        silent = f"http://127.0.0.1:{black_hole.getsockname()[1]}"

        def redirect(asked: BaseHTTPRequestHandler) -> None:
            asked.send_response(307)
            asked.send_header("Location", silent)
            asked.end_headers()

        with _serving(_take) as stopped:
            refusing = stopped
        plain = stack.enter_context(_serving(_take))
        yield {
            "black-holed": silent,
            "refused": refusing,
            "slow drip": stack.enter_context(_serving(_drip)),
            "huge answer": stack.enter_context(_serving(_flood)),
            "redirecting": stack.enter_context(_serving(redirect)),
            "broken TLS": plain.replace("http:", "https:"),
        }


def _take(asked: BaseHTTPRequestHandler) -> None:
    asked.send_response(200)
    asked.end_headers()
    asked.wfile.write(b'{"accepted": 1, "rejected": []}')


def _drip(asked: BaseHTTPRequestHandler) -> None:
    asked.send_response(200)
    asked.end_headers()
    while True:
        asked.wfile.write(b" ")
        time.sleep(0.3)


def _flood(asked: BaseHTTPRequestHandler) -> None:
    asked.send_response(200)
    asked.end_headers()
    while True:
        asked.wfile.write(b" " * 65536)


@contextmanager
def _serving(behave: Behaviour) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            try:
                behave(self)
            except OSError:
                return  # the client is gone

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True  # a drip ends with its client, or with us
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
