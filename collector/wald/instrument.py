"""Makes every command of a whole command line an operation, for argparse and Click."""

from __future__ import annotations

import argparse
from functools import wraps
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from .monitor import Monitor


def instrument(monitor: Monitor, application: Any, solution: str | None) -> None:
    """Do what `Monitor.instrument` says. Raises TypeError for what it does not know."""
    if isinstance(application, argparse.ArgumentParser):
        _argparse(monitor, application, solution)
    elif hasattr(application, "callback"):
        _click(monitor, application, solution, "")
    else:
        raise TypeError(
            f"instrument got {application!r}: it takes an argparse parser, or a Click command or "
            "group"
        )


def _argparse(monitor: Monitor, parser: argparse.ArgumentParser, solution: str | None) -> None:
    """Wrap the ``func`` of every command below *parser*."""
    for name, command in _commands(parser) or [(parser.prog, parser)]:
        function = command.get_default("func")
        if function is not None:
            # What the command is done to stands in the namespace, its one argument.
            command.set_defaults(func=_as_operation(monitor, name, function, solution, vars))


def _commands(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.ArgumentParser]]:
    found: dict[int, tuple[str, argparse.ArgumentParser]] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                # Aliases come after the name that they stand for.
                found.setdefault(id(command), (name, command))
    below = [
        (f"{name} {inner}", command)
        for name, outer in found.values()
        for inner, command in _commands(outer)
    ]
    return [*found.values(), *below]


def _click(monitor: Monitor, command: Any, solution: str | None, name: str) -> None:
    """Wrap the callback of *command*, or those of the commands below it."""
    below = getattr(command, "commands", None)
    if below is None:
        own = name or str(command.name)
        command.callback = _as_operation(monitor, own, command.callback, solution, None)
        return
    for key, inner in below.items():
        _click(monitor, inner, solution, f"{name} {key}".strip())


def _as_operation(
    monitor: Monitor,
    name: str,
    function: Callable[..., Any],
    solution: str | None,
    arguments: Callable[[Any], dict[str, Any]] | None,
) -> Callable[..., Any]:
    """Wrap *function*; *arguments* finds the command's arguments in its only one."""

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        given = arguments(args[0]) if arguments and args else kwargs
        target = given.get(solution) if solution else None
        with monitor.operation(name, solution=str(target) if target is not None else None):
            return function(*args, **kwargs)

    return called
