"""A proxy that holds back answers: ``python -m tests.ingest.slow PORT HOST PORT SECONDS MARK``.

Those on connections that carried the mark are held back; an empty mark is in everything.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.ingest.function import HOST, free_port
from tests.rtdb.server import Server

CHUNK = 65536


@contextmanager
def slow_proxy(server: Server, *, delay: float, mark: str = "") -> Iterator[int]:
    """A database that answers so many seconds late where it meets the mark; yields its port."""
    port = free_port()
    arguments = [str(port), server.host, str(server.port), str(delay), mark]
    process = subprocess.Popen([sys.executable, "-m", "tests.ingest.slow", *arguments])
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


async def relay(
    host: str,
    port: int,
    delay: float,
    mark: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Pass on one connection; what comes back may come `delay` seconds late."""
    marked = False
    upstream_reader, upstream_writer = await asyncio.open_connection(host, port)

    async def back() -> None:
        while chunk := await upstream_reader.read(CHUNK):
            await asyncio.sleep(delay if marked else 0)
            writer.write(chunk)
        writer.close()

    answering = asyncio.create_task(back())
    try:
        while chunk := await reader.read(CHUNK):
            marked = marked or mark in chunk
            upstream_writer.write(chunk)
    except ConnectionError:
        pass
    upstream_writer.close()
    answering.cancel()
    writer.close()


async def main(port: int, host: str, target: int, delay: float, mark: bytes) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(
        partial(relay, host, target, delay, mark), "127.0.0.1", port
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    port, host, target, delay, mark = sys.argv[1:]
    asyncio.run(main(int(port), host, int(target), float(delay), mark.encode()))
