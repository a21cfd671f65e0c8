"""The figure of docs/churn.md, as SVG that reads on light and dark ground."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

import pandas as pd

from dashboard.charts import GREY, LOSS, PALETTE
from tests.dashboard.planted import Error

PROJECTS = 40
"""Projects whose estimates are drawn: more would hide each other."""

MOST = 120.0
"""Users lost at the end of the axes."""

LIMIT = 0.05
"""How often a harmless error may be blamed."""

_STYLE = """
.ground { fill: #ffffff } text { fill: #1f2937; font: 13px system-ui, sans-serif }
.title { font-weight: 600; font-size: 15px } .small { font-size: 12px } .line { stroke: #9ca3af }
@media (prefers-color-scheme: dark) { .ground { fill: #0e1117 } text { fill: #e5e7eb } }
"""


@dataclass(frozen=True)
class _Plane:
    """Where users planted and users estimated lie on the picture."""

    left: int = 60
    bottom: int = 408
    scale: float = 2.5
    """Pixels a user."""
    least: float = -28.0

    def x(self, users: float) -> float:
        return self.left + self.scale * (users - self.least)

    def y(self, users: float) -> float:
        return self.bottom - self.scale * (min(users, MOST) - self.least)


def figure(estimates: pd.DataFrame, errors: tuple[Error, ...], blamed: pd.DataFrame) -> str:
    """Draw estimates against what was planted, and beside it who is blamed unjustly.

    Args:
        estimates: of `tests.dashboard.study.study`.
        blamed: shares of projects, a row a harmless error and a column a method.
    """
    parts = [*_estimates(estimates, errors), *_blame(blamed)]
    body = "\n".join(parts)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 460" width="960" height="460" '
        'role="img" aria-label="Left: estimates of users lost lie along the line of what was '
        'planted. Right: the share of projects in which a harmless error is blamed.">\n'
        f"<style>{_STYLE}</style>\n"
        f'<rect class="ground" width="960" height="460" rx="8"/>\n{body}\n</svg>\n'
    )


def _estimates(frame: pd.DataFrame, errors: tuple[Error, ...]) -> Iterator[str]:
    plane = _Plane()
    yield _text(20, 28, "Users lost, estimated with 95 % interval", "title")
    yield _line(plane.x(0), plane.y(0), plane.x(MOST), plane.y(MOST), "4 4")
    yield _line(plane.x(plane.least), plane.y(0), plane.x(MOST), plane.y(0))
    for users in range(0, int(MOST), 50):
        yield _text(plane.x(users), plane.bottom + 18, str(users), "small", "middle")
        yield _text(plane.left - 8, plane.y(users) + 4, str(users), "small", "end")
    yield _text(plane.x(MOST / 2), plane.bottom + 40, "users lost as planted", "small", "middle")
    shown = frame[frame["project"] < PROJECTS].dropna(subset=["excess"])
    for row in shown.itertuples():
        colour = _colour(errors, row.error)
        x = plane.x(row.planted)
        if errors[row.error].harmless:  # all of these are 0; drawn side by side
            x += (row.project / PROJECTS - 1) * 64 - 4
        low, high, y = plane.y(row.ci_low), plane.y(row.ci_high), plane.y(row.excess)
        yield (
            f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-opacity=".4"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>'
        )
    names = [error.name for error in errors if not error.harmless] + ["harmless"]
    for place, name in enumerate(names):
        yield _dot(plane.left + 84, 54 + 20 * place, PALETTE[place] if place < 3 else GREY)
        yield _text(plane.left + 96, 58 + 20 * place, name, "small")


def _colour(errors: tuple[Error, ...], place: int) -> str:
    return GREY if errors[place].harmless else PALETTE[place]


def _blame(blamed: pd.DataFrame) -> Iterator[str]:
    left, width, y = 500, 380, 60
    colours = (LOSS, PALETTE[1], PALETTE[0])
    yield _text(left, 28, "Projects in which a harmless error is blamed", "title")
    for name, shares in blamed.iterrows():
        yield _text(left, y + 6, str(name).removeprefix("harmless, "))
        for place, (method, share) in enumerate(shares.items()):
            top = y + 16 + 26 * place
            yield (
                f'<rect x="{left}" y="{top}" width="{max(1, width * share):.1f}" height="20" '
                f'fill="{colours[place]}" rx="2"/>'
            )
            inside = share > 0.6
            x = left + width * share - 8 if inside else left + width * max(share, LIMIT) + 8
            said = f"{method}: {100 * share:.0f} %"
            yield _text(x, top + 15, said, "small", "end" if inside else "start")
        y += 122
    yield _line(left + LIMIT * width, 74, left + LIMIT * width, y - 20, "3 3")
    yield _text(left + LIMIT * width, y - 4, f"{100 * LIMIT:.0f} %", "small", "middle")


def _text(x: float, y: float, said: str, style: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">'
        f"{escape(said)}</text>"
    )


def _line(x: float, y: float, to_x: float, to_y: float, dashes: str = "") -> str:
    return (
        f'<line class="line" x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" '
        f'stroke-dasharray="{dashes}"/>'
    )


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
