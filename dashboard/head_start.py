"""A head start for the browser, which else asks for each part of Streamlit's front end too late.

Streamlit's page brings what every app needs. The parts for a filter, a tile or a chart (Plotly's
has 4.7 MB) are asked for all at once when the first one is to be drawn, and the page waits.
The answer that brings the page names them, so that they come while it starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import streamlit
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FRONT_END = Path(streamlit.__file__).parent / "static"

DRAWN = (
    *("Html", "Selectbox", "Checkbox", "Multiselect", "Button", "Metric", "PageLink"),
    *("PlotlyChart", "DownloadButton", "LinkButton"),
)
"""What the first page is made of, by the names that Streamlit's front end has for it. One that it
no longer has is left out, and comes when it is asked for."""

_IMPORTED = re.compile(r"""(?:from|import)\s*["'`]\./([\w.-]+\.js)["'`]""")
_HEAD = 20_000
"""Letters of a file within which it says what it imports."""


def parts(folder: Path = FRONT_END) -> list[str]:
    """The files that `DRAWN` needs and the page itself does not name, from the page's folder."""
    index = (folder / "index.html").read_text(encoding="utf-8")
    files = {path.name: path for path in sorted((folder / "static" / "js").glob("*.js"))}
    wanted = [name for name in files if name.partition(".")[0] in DRAWN]
    found: dict[str, None] = {}
    while wanted:
        name = wanted.pop()
        if name in files and name not in found and name not in index:
            found[name] = None
            wanted += _imports(files[name])
    return [f"./static/js/{name}" for name in sorted(found)]


def _imports(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8") as text:
        yield from _IMPORTED.findall(text.read(_HEAD))


class HeadStart:
    """Names the parts in the header `Link` of each page that is answered, see RFC 8288 and the
    HTML standard's `modulepreload`."""

    def __init__(self, app: ASGIApp) -> None:
        """Over the application that answers."""
        self._app = app
        links = (f"<{part}>; rel=modulepreload" for part in parts())
        self._link = (b"link", ", ".join(links).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""

        async def linked(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                message["headers"] = [*message["headers"], self._link]
            await send(message)

        await self._app(scope, receive, linked if scope["type"] == "http" else send)


def _is_page(message: Message) -> bool:
    kind: bytes = dict(message["headers"]).get(b"content-type", b"")
    return kind.startswith(b"text/html")
