"""The wheel installs into an empty environment, alone and offline, and a tool works with it."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from .home import Home
from .server import Server

TOOL = """
import os, sys
from wald import Monitor
monitor = Monitor("tool", "1.0", endpoint=os.environ["ENDPOINT"], more="-", consent=True,
                  dsn="http://key@127.0.0.1:9/1")
with monitor.operation("work"): print("worked")
with monitor.operation("crash"): {}["missing"]
"""


def test_it_holds_only_the_library(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"wald", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"}
    assert "wald/py.typed" in names


def test_it_needs_nothing_else(python: Path) -> None:
    [installed] = python.parents[1].glob("lib/python*/site-packages")
    names = {path.name.partition("-")[0] for path in installed.iterdir()}
    assert names == {"wald"}


@pytest.mark.parametrize(
    "option", [[], ["-I"], ["-E"], ["-OO"]], ids=["", "isolated", "deaf", "without docstrings"]
)
def test_a_tool_works_with_it(home: Home, server: Server, python: Path, option: list[str]) -> None:
    tool = home.folder / "tool.py"
    tool.write_text(TOOL)
    del home.variables["PYTHONPATH"]
    done = subprocess.run(
        [str(python), *option, str(tool)],
        env=home.variables,
        cwd=home.folder,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("worked\n", 1)
    assert done.stderr.endswith("KeyError: 'missing'\n")
    home.settle()
    seen = [(report["kind"], report.get("outcome")) for report in server.reports]
    assert seen == [("run", "ok"), ("error", None), ("run", "error")]
    assert home.spooled() == []


def test_its_command_works(home: Home, python: Path) -> None:
    (home.folder / "tool.py").write_text(TOOL.split("with")[0])
    done = subprocess.run(
        [str(python), "-m", "wald", "explain", "tool:monitor"],
        env={**home.variables, "PYTHONPATH": ""},
        cwd=home.folder,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("# What tool reports, and why\n")
