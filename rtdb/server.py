"""Serving the application on a socket."""

import asyncio
import contextlib
import socket
import sqlite3
import sys

import uvicorn

from rtdb.app import App
from rtdb.commit import Committer
from rtdb.read import View
from rtdb.rules import Rules
from rtdb.store import Namespaces, Store, transaction
from rtdb.write import Writer


def server_for(store: Store, rules: Rules, host: str, port: int) -> "Server":
    """A server of the store; its `serve` runs until the process is asked to end."""
    sys.setswitchinterval(0.001)  # the commit thread's statements are long, its Python is not
    with transaction(store.db):
        namespaces = Namespaces(store.db, rules)
    committer = Committer(Writer(View(store.db), namespaces))
    config = uvicorn.Config(
        App(store, namespaces, committer),
        host=host,
        port=port,
        lifespan="off",
        access_log=False,
        log_level="error",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    return Server(config, store, committer)


class Server(uvicorn.Server):
    """A server that says where it listens, and commits while it serves."""

    def __init__(self, config: uvicorn.Config, store: Store, committer: Committer) -> None:
        super().__init__(config)
        self._store = store
        self._committer = committer

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then print the one line that others wait for."""
        await super().startup(sockets)
        for server in self.servers:
            host, port = server.sockets[0].getsockname()[:2]
            print(f"rtdb: http://{host}:{port}", flush=True)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve; then leave all that was committed in the one file."""
        committing = asyncio.create_task(self._committer.run())
        committing.add_done_callback(lambda _: setattr(self, "should_exit", True))
        await super().serve(sockets)
        committing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await committing
        with contextlib.suppress(sqlite3.Error):
            self._store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
