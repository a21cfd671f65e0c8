"""Pictures of pages, kept after the run to be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

FOLDER = Path(__file__).resolve().parents[1] / ".screenshots"

LOOKS: dict[str, tuple[int, Literal["light", "dark"]]] = {
    "light": (1400, "light"),
    "dark": (1400, "dark"),
    "narrow": (400, "light"),
}
"""Width of the window in CSS pixels, and what the viewer's system prefers."""


def take_pictures(tab: Page, name: str) -> None:
    """Take a picture of each look of the whole page, which scrolls inside itself."""
    FOLDER.mkdir(exist_ok=True)
    for look, (width, scheme) in LOOKS.items():
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(150)  # charts are drawn anew, and the page grows or shrinks
        height = tab.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        tab.set_viewport_size({"width": width, "height": min(height, 6000)})
        tab.wait_for_timeout(100)
        tab.screenshot(path=FOLDER / f"{name}-{look}.png")
