"""The parts of Streamlit's front end that the browser is told to fetch with the page."""

from __future__ import annotations

from dashboard.head_start import DRAWN, FRONT_END, parts


def test_every_part_is_there_and_each_is_named_once() -> None:
    """With a Streamlit that names its files otherwise, `DRAWN` is to be brought up to date."""
    found = parts()
    assert [part for part in found if not (FRONT_END / part).is_file()] == []
    names = [part.removeprefix("./static/js/").partition(".")[0] for part in found]
    page = (FRONT_END / "index.html").read_text()
    assert [name for name in DRAWN if names.count(name) != 1 and f"/{name}." not in page] == []
    assert [part for part in found if part in page] == []
    assert sum(map(len, found)) < 2_500, "a proxy may take no more than 4 KiB of headers"
