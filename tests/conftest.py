"""Tests run on all cores: those of a file on one, and those that share the loop on one."""

from __future__ import annotations

import pytest

from tests.rtdb.server import ROOT


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares a server or a browser together, or each core would start its own."""
    for item in items:
        path = item.path.relative_to(ROOT)
        shared = path.parent if path.parent.name == "loop" else path
        item.add_marker(pytest.mark.xdist_group(str(shared)))
