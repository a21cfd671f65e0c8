"""One line makes every command of a command line an operation."""

from __future__ import annotations

import pytest

from .home import Home
from .server import Server

ARGPARSE = """
import argparse
parser = argparse.ArgumentParser()
commands = parser.add_subparsers(required=True)
def install(given): print("installed", given.target)
def fail(given): sys.exit(3)
command = commands.add_parser("install", aliases=["i"]); command.add_argument("target")
command.set_defaults(func=install)
user = commands.add_parser("user").add_subparsers()
user.add_parser("add").set_defaults(func=fail)
monitor.instrument(parser, solution="target")
given = parser.parse_args()
given.func(given)
"""

CLICK = """
import click
@click.group()
def main(): pass
@main.command()
@click.argument("target")
def install(target): print("installed", target)
@main.group()
def user(): pass
@user.command()
def add(): raise click.ClickException("no")
@user.command()
@click.pass_context
def show(context): context.exit(0)
@user.command()
def stop(): raise click.Abort
user.add_command(click.Command("nothing"))
monitor.instrument(main, solution="target")
main()
"""


TYPER = """
import typer
app, user = typer.Typer(), typer.Typer()
@app.command()
def install(target: str, count: int = 1): print("installed", target)
@user.command()
def add(): raise typer.Exit(3)
@user.command("stop")
def halt(): raise typer.Abort
app.add_typer(user, name="user")
"""
TYPER_APP = f"{TYPER}monitor.instrument(app, solution='target')\napp()"
TYPER_BUILT = f"""{TYPER}
main = typer.main.get_command(app)
monitor.instrument(main, solution='target')
main()
"""


def run(home: Home, server: Server, body: str, *arguments: str) -> tuple[str, str | None, str]:
    """Run a tool; return what its only report says was done, to what, and how it ended."""
    home.run(home.write(body), *arguments)
    home.settle()
    [report] = server.reports
    return report["operation"], report.get("solution"), report["outcome"]


@pytest.mark.parametrize("body", [ARGPARSE, CLICK], ids=["argparse", "click"])
def test_a_command_and_what_it_is_done_to(home: Home, server: Server, body: str) -> None:
    assert run(home, server, body, "install", "clamav") == ("install", "clamav", "ok")


def test_an_alias_is_the_command_it_stands_for(home: Home, server: Server) -> None:
    assert run(home, server, ARGPARSE, "i", "clamav") == ("install", "clamav", "ok")


@pytest.mark.parametrize("body", [ARGPARSE, CLICK], ids=["argparse", "click"])
def test_a_nested_command_that_fails(home: Home, server: Server, body: str) -> None:
    assert run(home, server, body, "user", "add") == ("user add", None, "error")


@pytest.mark.parametrize(("command", "outcome"), [("show", "ok"), ("stop", "cancelled")])
def test_how_click_ends_commands(home: Home, server: Server, command: str, outcome: str) -> None:
    assert run(home, server, CLICK, "user", command) == (f"user {command}", None, outcome)


@pytest.mark.parametrize("body", [TYPER_APP, TYPER_BUILT], ids=["application", "built"])
@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (("install", "clamav"), ("install", "clamav", "ok")),
        (("user", "add"), ("user add", None, "error")),
        (("user", "stop"), ("user stop", None, "cancelled")),
    ],
)
def test_typer(
    home: Home,
    server: Server,
    body: str,
    arguments: tuple[str, ...],
    seen: tuple[str, str | None, str],
) -> None:
    assert run(home, server, body, *arguments) == seen


def test_a_parser_without_commands(home: Home, server: Server) -> None:
    body = """
import argparse
parser = argparse.ArgumentParser(prog="solo")
parser.set_defaults(func=lambda given: None)
monitor.instrument(parser)
given = parser.parse_args()
given.func(given)
"""
    assert run(home, server, body) == ("solo", None, "ok")


def test_what_is_no_command_line_is_refused(home: Home) -> None:
    for call in ("instrument", "add_commands"):
        done = home.run(home.write(f"monitor.{call}('tool')"))
        assert f"TypeError: {call} got 'tool': it takes" in done.stderr
