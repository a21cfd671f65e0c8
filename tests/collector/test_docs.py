"""What docs/collector.md, docs/embedding.md and the README show works."""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from wald import Monitor

from .home import ROOT, Home
from .server import Server


def blocks(page: str) -> list[str]:
    """Return the Python blocks of a page."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.S)


BLOCKS = blocks("collector.md")
EMBEDDING = {text.splitlines()[0].removeprefix("# "): text for text in blocks("embedding.md")}


def test_the_first_lines_report(home: Home, server: Server) -> None:
    mytool = Home(home.folder, server.url, app="mytool")
    text = BLOCKS[0].replace("https://telemetry.example.org", server.url)
    tool = home.folder / "tool.py"
    tool.write_text("def install_fail2ban(): print('installed')\n" + text)
    assert "installed" in mytool.run_on_terminal(tool)
    mytool.settle()
    [report] = server.reports
    assert (report["operation"], report["solution"]) == ("install", "fail2ban")


def test_every_block_is_python() -> None:
    assert len(BLOCKS) >= 5
    for block in BLOCKS:
        compile(block, "docs/collector.md", "exec")


def test_the_files_on_disk_are_those_of_the_table(home: Home, server: Server) -> None:
    text = (ROOT / "docs" / "collector.md").read_text()
    table = text.split("## On the user's disk")[1].split("## ")[0]
    named = {name for row in table.splitlines() for name in re.findall(r"`([\w.*-]+)`", row[:50])}
    home.remember_failures()
    home.run(home.write("1 / 0", dsn=f"http://key@{server.host}/1"))
    home.settle()
    for path in home.state.iterdir():
        assert path.name in named or path.name.startswith("event-"), path.name


@pytest.fixture
def mytool(home: Home, server: Server, python: Path) -> Home:
    """Give the home of somebody who follows embedding.md, with the wheel alone installed."""
    (home.folder / "mytool").mkdir()
    for name, text in EMBEDDING.items():
        (home.folder / name).write_text(text.replace("https://telemetry.example.org", server.url))
    made = Home(home.folder, server.url, app="mytool")
    made.python = str(python)
    made.variables["PYTHONPATH"] = str(home.folder)
    return made


def start(mytool: Home, kind: str, *arguments: str) -> Path:
    """Write what ``mytool ARGUMENTS`` would run."""
    tool = mytool.folder / "mytool.start.py"
    given = ["mytool", *arguments]
    tool.write_text(f"import sys; sys.argv = {given}\nfrom mytool.with_{kind} import main; main()")
    return tool


@pytest.mark.parametrize("kind", ["argparse", "click", "typer", "nothing"])
def test_each_way_to_embed_reports(mytool: Home, server: Server, kind: str) -> None:
    if kind in ("click", "typer"):
        # What is not to be had without an index comes from our own environment.
        mytool.variables["PYTHONPATH"] += f":{sysconfig.get_path('purelib')}"
    run = start(mytool, kind, "install", "fail2ban")
    assert mytool.run_on_terminal(run, env={"DO_NOT_TRACK": "1"}) == "installed fail2ban\n"
    assert not mytool.state.exists()
    shown = mytool.run_on_terminal(run)
    assert "mytool reports to its maintainers" in shown
    assert "installed fail2ban" in shown
    mytool.settle()
    [report] = server.reports
    assert (report["operation"], report["solution"]) == ("install", "fail2ban")
    if kind != "nothing":
        status = mytool.run(start(mytool, kind, "telemetry", "status"))
        assert "Telemetry of mytool is on" in status.stdout
        preview = mytool.run(start(mytool, kind, "telemetry", "preview"))
        assert json.loads(preview.stdout)["reports"][0]["app"] == "mytool"


def test_the_page_is_made_as_shown(mytool: Home) -> None:
    [command] = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "embedding.md").read_text(), re.S)
    (mytool.folder / "docs").mkdir()
    subprocess.run(
        ["/bin/sh", "-c", command.replace("python", mytool.python)],
        cwd=mytool.folder,
        env=mytool.variables | {"PYTHONPATH": ""},
        check=True,
    )
    page = (mytool.folder / "docs" / "telemetry.md").read_text()
    assert page.startswith("# What mytool reports, and why\n")
    assert str(mytool.folder) not in page


def test_metrics_and_decorators_are_reported_as_shown(home: Home, server: Server) -> None:
    _, decorator, _, _, metric, _ = BLOCKS
    home.run(home.write(f"def load_inventory(): return 'ab'\n{metric}\n{decorator}\nupdate()"))
    home.settle()
    [report] = server.reports
    assert (report["operation"], report["metrics"]["hosts"]) == ("update", 2)


def test_the_test_shown_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monitor = Monitor("mytool", "1.2.0", endpoint="http://telemetry.invalid", more="-")

    @monitor.operation("install")
    def install(arguments: list[str]) -> None:
        return

    shown: dict[str, Any] = {"monitor": monitor, "main": install}
    exec(BLOCKS[-1], shown)
    shown["test_install_is_reported"]()
    shown["main"] = lambda _: 0
    with pytest.raises(IndexError):
        shown["test_install_is_reported"]()


def test_the_ten_lines_of_the_readme_report(home: Home, server: Server) -> None:
    [text] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    mytool = Home(home.folder, server.url, app="mytool")
    tool = home.folder / "tool.py"
    given = "def load_hosts(): return 'abc'\ndef install(): print('installed')\n"
    tool.write_text(given + text.replace("https://reports.mytool.org", server.url))
    assert "installed" in mytool.run_on_terminal(tool)
    mytool.settle()
    [report] = server.reports
    assert (report["operation"], report["solution"]) == ("install", "fail2ban")
    assert (report["metrics"]["hosts"], report["metrics"]["package_version"]) == (3, "1.4.0")
