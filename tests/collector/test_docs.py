"""What docs/collector.md and docs/embedding.md show works."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

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


@pytest.mark.parametrize("kind", ["argparse", "click", "typer", "nothing"])
def test_each_way_to_embed_reports(home: Home, server: Server, kind: str) -> None:
    if kind == "typer" and find_spec("typer") is None:
        pytest.skip("Typer is not installed")
    (home.folder / "mytool").mkdir()
    for name, text in EMBEDDING.items():
        (home.folder / name).write_text(text.replace("https://telemetry.example.org", server.url))
    mytool = Home(home.folder, server.url, app="mytool")
    mytool.variables["PYTHONPATH"] += f":{home.folder}"
    tool = home.folder / "mytool.start.py"
    arguments = ["mytool", "install", "fail2ban"]
    tool.write_text(
        f"import sys; sys.argv = {arguments}\nfrom mytool.with_{kind} import main; main()"
    )
    shown = mytool.run_on_terminal(tool)
    assert "mytool reports to its maintainers" in shown
    assert "installed fail2ban" in shown
    mytool.settle()
    [report] = server.reports
    assert (report["operation"], report["solution"]) == ("install", "fail2ban")
    if kind != "nothing":
        tool.write_text(tool.read_text().replace("'install', 'fail2ban'", "'telemetry', 'status'"))
        assert "Telemetry of mytool is on" in mytool.run_on_terminal(tool)
