"""A line the size of a word, for a tile: an SVG picture, which a browser has at once."""

from __future__ import annotations

import base64
from collections.abc import Sequence

WIDTH, HEIGHT = 100, 24


def sparkline(values: Sequence[float], colour: str) -> str:
    """The picture as HTML, from the least to the greatest value; empty below two values.

    It says nothing that the tile's words do not, so readers of screens are spared it.
    """
    if len(values) < 2:
        return ""
    low, span = min(values), max(values) - min(values)
    step = WIDTH / (len(values) - 1)
    shares = [(value - low) / span if span else 0.5 for value in values]  # in the middle if flat
    heights = [1 + (HEIGHT - 2) * (1 - share) for share in shares]
    points = " ".join(f"{step * place:.1f},{height:.1f}" for place, height in enumerate(heights))
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="none"><polyline points="{points}" fill="none" stroke="{colour}" '
        'stroke-width="1.75" vector-effect="non-scaling-stroke" stroke-linejoin="round"/></svg>'
    )
    data = base64.b64encode(picture.encode()).decode()
    look = "display: block; width: 100%; height: 40px"
    return f'<img alt="" style="{look}" src="data:image/svg+xml;base64,{data}">'
