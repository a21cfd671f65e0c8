"""A proxy that holds back every answer: ``python -m tests.ingest.slow PORT HOST PORT SECONDS``."""

from __future__ import annotations

import asyncio
import sys
from functools import partial

CHUNK = 65536


async def relay(
    host: str,
    port: int,
    delay: float,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Pass on one connection; what comes back comes `delay` seconds late."""
    upstream_reader, upstream_writer = await asyncio.open_connection(host, port)

    async def back() -> None:
        while chunk := await upstream_reader.read(CHUNK):
            await asyncio.sleep(delay)
            writer.write(chunk)
        writer.close()

    answering = asyncio.create_task(back())
    try:
        while chunk := await reader.read(CHUNK):
            upstream_writer.write(chunk)
    except ConnectionError:
        pass
    upstream_writer.close()
    answering.cancel()
    writer.close()


async def main(port: int, host: str, target: int, delay: float) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(partial(relay, host, target, delay), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
