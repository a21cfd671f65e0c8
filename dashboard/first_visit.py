"""``python -m dashboard.first_visit URL``: open every page of a server once, as a browser would.

A fresh server imports what its pages need, and works out their numbers, at its first visitor's
cost. This one does not mind.
"""

from __future__ import annotations

import asyncio
import sys

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PAGES = ("", "adoption", "platforms", "solutions", "one-time", "errors")
PATIENCE = 60.0
"""Seconds after which a page is left alone."""


async def visit(url: str, page: str) -> None:
    """Open a page in a session of its own and stay until it is drawn.

    Streamlit's pages are drawn over a WebSocket: each side sends the messages of `streamlit.proto`.
    """
    address = url.replace("http", "ws", 1).rstrip("/") + "/_stcore/stream"
    async with connect(address, subprotocols=["streamlit"], max_size=None, proxy=None) as socket:  # type: ignore[list-item]
        open_page = BackMsg()
        open_page.rerun_script.page_name = page
        await socket.send(open_page.SerializeToString())
        async for message in socket:
            if isinstance(message, bytes) and _is_last(message):
                return


def _is_last(message: bytes) -> bool:
    return bool(ForwardMsg.FromString(message).WhichOneof("type") == "script_finished")


def main(url: str) -> int:
    """Visit every page; returns the exit status, 0 also where it did not come so far."""
    for page in PAGES:
        try:
            asyncio.run(asyncio.wait_for(visit(url, page), PATIENCE))
        except (OSError, TimeoutError, WebSocketException):
            break  # the pages come without it, only later
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
