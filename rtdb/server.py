"""Serving the application on a socket."""

import asyncio
import contextlib
import gc
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

GARBAGE = 20_000
"""Objects made before garbage is looked for; an update of 500 reports makes some 2,000."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; an OSError whose text is a sentence if that can't be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]
        raise OSError(f"Can't listen on {host}, port {port}: {why}.") from None


def server_for(store: Store, rules: Rules) -> "Server":
    """A server of the store; its `serve` runs until the process is asked to end."""
    sys.setswitchinterval(0.0001)  # the commit thread's statements are long, its Python is not
    gc.freeze()  # what was imported stays: it need not be searched for garbage at every turn
    gc.set_threshold(GARBAGE)
    with transaction(store.db):
        namespaces = Namespaces(store.db, rules)
    committer = Committer(Writer(View(store.db), namespaces))
    config = uvicorn.Config(
        App(store, namespaces, committer),
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
        self._committing = asyncio.create_task(self._committer.run())
        self._committing.add_done_callback(lambda _: setattr(self, "should_exit", True))
        await super().startup(sockets)
        for server in self.servers:
            host, port = server.sockets[0].getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"rtdb: http://{shown}:{port}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way, then leave all that was committed in the one file."""
        await super().shutdown(sockets)
        self._committing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._committing
        with contextlib.suppress(sqlite3.Error):
            self._store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
