"""Tests run on all cores: those of a file on one, and those that share the loop on one."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling


class _Together(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps what shares a server or a browser together, or each core would start its own."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(nodeid.partition("::")[0])
        return str(file.parent if file.parent.name == "loop" else file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Together:
    """Say how tests are handed out; xdist's own groups do nothing with pytest 9.2."""
    config.option.loadscopereorder = False  # files with few tests are among the longest
    return _Together(config, log)
