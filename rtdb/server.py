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


async def serve(store: Store, rules: Rules, host: str, port: int) -> None:
    """Serve until the process is asked to end; say where, once ready."""
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
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    server = Server(config)
    committing = asyncio.create_task(committer.run())
    await server.serve()
    committing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await committing
    with contextlib.suppress(sqlite3.Error):
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class Server(uvicorn.Server):
    """A server that says where it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then print the one line that others wait for."""
        await super().startup(sockets)
        for server in self.servers:
            host, port = server.sockets[0].getsockname()[:2]
            print(f"rtdb: http://{host}:{port}", flush=True)
