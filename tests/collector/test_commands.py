"""What users can do about telemetry, and the page that tells them what it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wald import Monitor

from .home import EXAMPLE, ROOT, Home
from .server import Reply, Server

ARGPARSE = """
import argparse
parser = argparse.ArgumentParser()
commands = parser.add_subparsers(dest="command")
commands.add_parser("work")
monitor.add_commands(commands)
parser.parse_args()
with monitor.operation("work"): print("worked")
"""

CLICK = """
import click
@click.group()
def main(): pass
@main.command()
def work():
    with monitor.operation("work"): print("worked")
monitor.add_commands(main)
main()
"""


TYPER = """
import typer
app = typer.Typer()
@app.command()
def work():
    with monitor.operation("work"): print("worked")
monitor.add_commands(app)
app()
"""


@pytest.fixture(
    params=[ARGPARSE, CLICK, TYPER],
    ids=["argparse", "click", "typer"],
)
def tool(request: pytest.FixtureRequest, home: Home) -> Path:
    """Give a tool with the commands in it."""
    return home.write(str(request.param))


def test_off_and_on(home: Home, server: Server, tool: Path) -> None:
    assert home.run(tool, "work").stdout == "worked\n"
    home.settle()
    assert (
        "is on\n  decided by  the default of tool" in home.run(tool, "telemetry", "status").stdout
    )
    off = home.run(tool, "telemetry", "off")
    assert off.returncode == 0
    assert off.stdout == f"Telemetry of tool is off: your choice in {home.choice}\n"
    assert not home.state.exists()
    home.run(tool, "work")
    assert not home.state.exists()
    assert home.choice.read_text() == "off\n"
    assert "Telemetry of tool is off" in home.run(tool, "telemetry", "status").stdout
    assert len(server.reports) == 1
    assert "is on: your choice" in home.run(tool, "telemetry", "on").stdout
    # A variable ranks higher than the choice, and the user gets to know.
    forced = home.run(tool, "telemetry", "on", env={"DO_NOT_TRACK": "1"})
    assert forced.stdout == "Telemetry of tool is off: the environment variable DO_NOT_TRACK\n"
    home.run(tool, "work")
    home.settle()
    assert len(server.reports) == 2


def test_preview_is_what_is_sent_and_sends_nothing(home: Home, server: Server, tool: Path) -> None:
    server.answer = lambda request: Reply(503, {"Retry-After": "600"})
    home.run(tool, "work")
    home.settle()
    [refused] = server.requests
    shown = home.run(tool, "telemetry", "preview")
    assert json.loads(shown.stdout) == json.loads(refused.body)
    assert len(server.requests) == 1
    home.forget_backoff()


@pytest.mark.parametrize("action", ["preview", "status", "explain"])
def test_asking_sends_nothing_and_counts_for_nothing(
    home: Home, server: Server, action: str
) -> None:
    home.run(home.write("with monitor.operation('x'): pass\nos._exit(0)"))
    tool = home.write(CLICK.removesuffix("main()\n") + "monitor.instrument(main)\nmain()\n")
    waiting = home.spooled()
    assert len(waiting) == 1
    asked = home.run(tool, "telemetry", action)
    assert asked.returncode == 0
    assert action != "status" or asked.stdout.endswith("  waiting     1 report\n")
    home.settle()
    assert home.spooled() == waiting
    assert server.requests == []


@pytest.mark.parametrize("optimized", ["", "2"])
def test_help_tells_what_each_action_does(home: Home, optimized: str) -> None:
    tool = home.write(ARGPARSE)
    shown = home.run(tool, "telemetry", "--help", env={"PYTHONOPTIMIZE": optimized}).stdout
    words = " ".join(shown.split())
    assert "None" not in words
    if not optimized:
        assert "preview: Print exactly what would be sent, and send nothing; explain: " in words


def test_status_says_that_nothing_is_reported_before_the_user_was_told(
    home: Home, server: Server
) -> None:
    tool = home.write(ARGPARSE, consent=None)
    shown = home.run(tool, "telemetry", "status").stdout
    assert "until now   nothing was reported: you are told first\n" in shown
    assert "waiting     0 reports\n" in shown
    home.state.mkdir(parents=True)
    (home.state / "notice-shown").touch()
    assert "until now" not in home.run(tool, "telemetry", "status").stdout


def test_preview_of_nothing_keeps_nothing(home: Home, server: Server) -> None:
    tool = home.write(ARGPARSE, consent=None)
    shown = home.run(tool, "telemetry", "preview")
    [report] = json.loads(shown.stdout)["reports"]
    assert report["install"] == "0" * 32
    assert home.files() == set()
    shown = home.run(tool, "telemetry", "preview", env={"DO_NOT_TRACK": "1"})
    assert (shown.stdout, shown.stderr) == ("", "Telemetry is off: nothing is sent.\n")


def test_forget_proves_who_asks_and_turns_off(home: Home, server: Server, tool: Path) -> None:
    home.run(tool, "work")
    home.settle()
    secret, name = (home.state / "install").read_text().split()
    server.answer = lambda request: Reply(503)
    failed = home.run(tool, "telemetry", "forget")
    assert (failed.returncode, home.state.exists()) == (1, True)
    assert "answered 503: nothing was changed, try again" in failed.stderr
    server.answer = lambda request: Reply(202)
    done = home.run(tool, "telemetry", "forget")
    assert done.returncode == 0
    assert f"deletes every report of {name}" in done.stdout
    assert [json.loads(r.body) for r in server.requests if r.path == "/v1/forget"] == [
        {"secret": secret}
    ] * 2
    assert not home.state.exists()
    assert home.choice.read_text() == "off\n"
    assert "nothing to forget" in home.run(tool, "telemetry", "forget").stdout


def test_unknown_actions_are_refused(home: Home, tool: Path) -> None:
    done = home.run(tool, "telemetry", "of")
    assert done.returncode == 2
    assert any(w in done.stderr for w in ("invalid choice", "is not one of", "is unknown: choose"))


def test_the_page_tells_values_places_and_ways_out(home: Home, tool: Path) -> None:
    page = home.run(tool, "telemetry", "explain").stdout
    for needed in (
        "# What tool reports, and why",
        "| `package_version` | 1.0 | Version of the application",
        "`wald/metric.py:",
        f"To {home.variables['ENDPOINT']}, which the maintainers of tool run.",
        "TOOL_TELEMETRY=off",
        "DO_NOT_TRACK=1",
        "`~/.config/tool/telemetry`",
        "/v1/forget",
    ):
        assert needed in page
    assert str(home.folder) not in page


def test_the_page_of_the_example_is_true(tmp_path: Path) -> None:
    """It is made by: python -m wald explain logtally:monitor --without-values."""
    made = subprocess.run(
        [sys.executable, "-m", "wald", "explain", "logtally:monitor", "--without-values"],
        env={"HOME": str(tmp_path), "PYTHONPATH": f"{ROOT / 'collector'}:{EXAMPLE.parent}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout == (EXAMPLE.parent / "TELEMETRY.md").read_text()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere:monitor", "there is no nowhere:monitor"),
        ("json:monitor", "there is no json:monitor"),
        ("json:dumps", "json:dumps is a function, and no Monitor"),
    ],
)
def test_explain_says_what_is_wrong(tmp_path: Path, name: str, says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wald", "explain", name],
        env={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "collector")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert says in done.stderr


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"app": "Bad Name"}, "app is 'Bad Name'"),
        ({"app": ""}, "app is ''"),
        ({"app": "-tool"}, "must begin with"),
        ({"app": "tööl"}, "must be 1 to 64 of a-z"),
        ({"app": "t" * 65}, "must be 1 to 64 of a-z"),
        ({"app": None}, "app is None"),
        ({"version": ""}, "version is ''"),
        ({"version": None}, "version is None"),
        ({"version": 1.2}, "version is 1.2"),
        ({"endpoint": "telemetry.example.org"}, "endpoint is 'telemetry.example.org'"),
        ({"endpoint": ""}, "endpoint is ''"),
        ({"endpoint": None}, "endpoint is None"),
        ({"ci": "never"}, "ci is 'never'"),
    ],
)
def test_a_monitor_says_what_is_wrong(wrong: dict[str, Any], says: str) -> None:
    right: dict[str, Any] = {"app": "tool", "version": "1", "endpoint": "http://x.invalid"}
    with pytest.raises(ValueError, match=says):
        Monitor(**(right | wrong), more="-")
