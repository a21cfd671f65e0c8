"""An application's own tests see what it would report, and send nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from wald import Monitor
from wald.testing import recorded

from .server import Server


@pytest.fixture
def monitor(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    """Give a monitor whose user refuses, as a maintainer's test run may."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    return Monitor("mine", "2.1", endpoint=server.url, more="-", package=__name__)


def test_reports_are_recorded_and_stay_here(
    monitor: Monitor, server: Server, tmp_path: Path
) -> None:
    with recorded(monitor) as reports:
        assert len(reports) == 0
        with monitor.operation("install", solution="fail2ban"):
            pass
        assert reports[0]["outcome"] == "ok"
        with pytest.raises(KeyError), monitor.operation("crash"):
            raise KeyError("x")
        monitor.hand_off()
    assert [report["kind"] for report in reports] == ["run", "error", "run"]
    assert reports[0]["solution"] == "fail2ban"
    assert reports[0]["metrics"]["package_version"] == "2.1"
    assert reports[1]["error"]["where"].endswith(":test_reports_are_recorded_and_stay_here")
    assert server.requests == []
    assert list(tmp_path.rglob("*")) == []
    with monitor.operation("after"):
        pass
    assert len(reports) == 3
    assert list(tmp_path.rglob("*")) == []


def test_wrong_use_is_raised_only_there(monitor: Monitor) -> None:
    with recorded(monitor), pytest.raises(TypeError), monitor.operation(7):  # type: ignore[arg-type]
        pass
    with monitor.operation(7):  # type: ignore[arg-type]
        pass
