"""Makes every command of a whole command line an operation, for argparse, Click and Typer."""

import sys
from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from .monitor import Monitor


def instrument(monitor: "Monitor", application: "Any", solution: str | None) -> None:
    """Do what `Monitor.instrument` says. Raises TypeError for what it does not know."""
    argparse = sys.modules.get("argparse")  # a Click application can do without it
    if argparse is not None and isinstance(application, argparse.ArgumentParser):
        _argparse(monitor, application, solution)
    elif hasattr(application, "registered_commands"):
        _typer(monitor, application, solution, "")
    elif hasattr(application, "callback"):
        _click(monitor, application, solution, "")
    else:
        raise TypeError(
            f"instrument got {application!r}: it takes an argparse parser, a Click command or "
            "group, or a Typer application"
        )


def _argparse(monitor: "Monitor", parser: "argparse.ArgumentParser", solution: str | None) -> None:
    """Wrap the ``func`` of every command below *parser*."""
    for name, command in _commands(parser) or [(parser.prog, parser)]:
        function = command.get_default("func")
        if function is not None:
            # What the command is done to stands in the namespace, its one argument.
            command.set_defaults(func=_as_operation(monitor, name, function, solution, vars))


def _commands(parser: "argparse.ArgumentParser") -> "list[tuple[str, argparse.ArgumentParser]]":
    from argparse import _SubParsersAction

    found: dict[int, tuple[str, argparse.ArgumentParser]] = {}
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for name, command in action.choices.items():
                # Aliases come after the name that they stand for.
                found.setdefault(id(command), (name, command))
    below = [
        (f"{name} {inner}", command)
        for name, outer in found.values()
        for inner, command in _commands(outer)
    ]
    return [*found.values(), *below]


def _click(monitor: "Monitor", command: "Any", solution: str | None, name: str) -> None:
    """Wrap the callback of *command*, or those of the commands below it."""
    below = getattr(command, "commands", None)
    if below is None:
        own = name or str(command.name)
        if command.callback is not None:
            command.callback = _as_operation(monitor, own, command.callback, solution, None)
        return
    for key, inner in below.items():
        _click(monitor, inner, solution, f"{name} {key}".strip())


def _typer(monitor: "Monitor", application: "Any", solution: str | None, above: str) -> None:
    """Wrap the functions that *application* makes its commands from, when it is called."""
    for command in application.registered_commands:
        function = command.callback
        own = command.name or function.__name__.lower().replace("_", "-")
        command.callback = _as_operation(
            monitor, f"{above} {own}".strip(), function, solution, None
        )
    for group in application.registered_groups:
        # Typer marks what was not said with an object of its own, and merges unnamed groups.
        names = [name for name in (group.name, group.typer_instance.info.name) if name]
        name = next((name for name in names if isinstance(name, str)), "")
        _typer(monitor, group.typer_instance, solution, f"{above} {name}".strip())


def _as_operation(
    monitor: "Monitor",
    name: str,
    function: "Callable[..., Any]",
    solution: str | None,
    arguments: "Callable[[Any], dict[str, Any]] | None",
) -> "Callable[..., Any]":
    """Wrap *function*; *arguments* finds the command's arguments in its only one."""
    if function.__module__ == f"{__package__}.commands":
        return function  # asking about telemetry is no use of the application

    @wraps(function)
    def called(*args: "Any", **kwargs: "Any") -> "Any":
        given = arguments(args[0]) if arguments and args else kwargs
        target = given.get(solution) if solution else None
        with monitor.operation(name, solution=str(target) if target is not None else None):
            return function(*args, **kwargs)

    return called
