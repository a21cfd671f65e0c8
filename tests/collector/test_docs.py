"""What docs/collector.md shows works."""

from __future__ import annotations

import re

from .home import ROOT, Home
from .server import Server

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "collector.md").read_text(), re.S)


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
