"""What a tool's users can do about its telemetry: ``telemetry status|on|off|preview|...``."""

import sys

from .consent import decide, erase
from .report import SCHEMA
from .spool import Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .monitor import Monitor
    from .report import Report


def add(monitor: "Monitor", application: "Any") -> None:
    """Add the command ``telemetry`` to *application*, see `Monitor.add_commands`."""
    about = f"what {monitor.app} reports to its maintainers, and how to say no"
    if hasattr(application, "add_parser"):  # argparse
        import argparse  # every run comes by here: only what the application has imported already

        class Run(argparse.Action):
            def __call__(
                self,
                parser: argparse.ArgumentParser,
                namespace: argparse.Namespace,
                values: "str | Sequence[Any] | None",
                option_string: str | None = None,
            ) -> None:
                # Done here, like --version, for every application has its own way to go on.
                parser.exit(run(monitor, str(values)))

        parser = application.add_parser("telemetry", help=about, description=about)
        told = ((name, (act.__doc__ or "").rstrip(".")) for name, act in ACTIONS.items())
        listed = "; ".join(f"{name}: {does}" if does else name for name, does in told)
        parser.add_argument("action", choices=list(ACTIONS), action=Run, help=listed)
    elif hasattr(application, "registered_commands"):  # Typer

        def telemetry(action: str) -> None:
            sys.exit(run(monitor, action))

        application.command("telemetry", help=f"{about}: {', '.join(ACTIONS)}")(telemetry)
    elif type(application).__module__.startswith("typer."):
        # Typer's own Click has too little in it to make a command from.
        raise TypeError("add_commands got a group made by Typer: it takes the Typer application")
    elif hasattr(application, "add_command"):  # Click
        import click

        application.add_command(
            click.Command(
                "telemetry",
                params=[click.Argument(["action"], type=click.Choice(list(ACTIONS)))],
                callback=lambda action: sys.exit(run(monitor, action)),
                help=about,
            )
        )
    else:
        raise TypeError(
            f"add_commands got {application!r}: it takes what argparse's add_subparsers returned, "
            "a Click group, or a Typer application"
        )


def run(monitor: "Monitor", action: str) -> int:
    """Do *action*; return the exit status."""
    if action not in ACTIONS:
        print(f"telemetry {action} is unknown: choose from {', '.join(ACTIONS)}", file=sys.stderr)
        return 2
    try:
        return ACTIONS[action](monitor)
    except OSError as error:
        print(f"{monitor.app}: telemetry {action} failed: {error}", file=sys.stderr)
        return 1
    finally:
        monitor.spool = None  # who asks about telemetry must not cause any at the end of the run


def status(monitor: "Monitor") -> int:
    """Say whether it is on, who decided that, and what waits."""
    decision = decide(monitor.environment, monitor.consent)
    print(f"Telemetry of {monitor.app} is {'on' if monitor.decision.on else 'off'}")
    print(f"  decided by  {monitor.decision.by}")
    if monitor.decision.on and decision.by_default and not monitor.environment.told():
        print("  until now   nothing was reported: you are told first")
    print(f"  reports to  {monitor.endpoint}")
    print(f"  read more   {monitor.more}")
    kept = _install(monitor)
    if kept and decision.on:
        print(f"  known as    {kept[1]}")
    if monitor.spool is not None:
        waiting = len(_waiting(monitor.spool))
        print(f"  waiting     {waiting} report{'' if waiting == 1 else 's'}")
    return 0


def turn_on(monitor: "Monitor") -> int:
    """Turn it on."""
    monitor.environment.write_choice(True)
    return _turned(monitor)


def turn_off(monitor: "Monitor") -> int:
    """Turn it off, and delete everything that is kept for it."""
    monitor.environment.write_choice(False)
    if monitor.environment.state is not None:
        erase(monitor.environment.state)
    monitor.spool = None
    return _turned(monitor)


def preview(monitor: "Monitor") -> int:
    """Print exactly what would be sent, and send nothing."""
    if monitor.spool is None:
        print("Telemetry is off: nothing is sent.", file=sys.stderr)
        return 0
    reports = _waiting(monitor.spool)
    if not reports:
        print("Nothing waits. A run would send a report like this one:", file=sys.stderr)
        kept = monitor.spool.install()
        example = monitor.operation("...")
        reports = [monitor.report("run", example, kept[1] if kept else "0" * 32)]
    import json

    print(json.dumps({"schema": SCHEMA, "reports": reports}, indent=2))
    return 0


def explain(monitor: "Monitor") -> int:
    """Print what is collected and why, where in the code, and how to say no."""
    from .explain import page

    print(page(monitor))
    return 0


def forget(monitor: "Monitor") -> int:
    """Have the server delete all reports of this install, and turn telemetry off."""
    kept = _install(monitor)
    if kept is None:
        print("There is nothing to forget: this install has no pseudonym.")
        return turn_off(monitor)
    import json

    from .delivery import post

    body = json.dumps({"secret": kept[0]}).encode()
    url = f"{monitor.endpoint.rstrip('/')}/v1/forget"
    code, _, _ = post(url, {"Content-Type": "application/json"}, body)
    if code != 202:
        answer = f"answered {code}" if code else "did not answer"
        print(f"{monitor.endpoint} {answer}: nothing was changed, try again", file=sys.stderr)
        return 1
    print(f"{monitor.endpoint} deletes every report of {kept[1]}.")
    return turn_off(monitor)


ACTIONS = {
    "status": status,
    "on": turn_on,
    "off": turn_off,
    "preview": preview,
    "explain": explain,
    "forget": forget,
}


def _install(monitor: "Monitor") -> tuple[str, str] | None:
    """Return secret and pseudonym, whether telemetry is on or not."""
    folder = monitor.environment.state
    return Spool(folder).install() if folder else None


def _waiting(spool: Spool) -> "list[Report]":
    from .outbox import Outbox

    return Outbox(spool.folder).reports() if spool.pending() else []


def _turned(monitor: "Monitor") -> int:
    """Tell what holds now: a variable may be stronger than the choice that was made."""
    decision = decide(monitor.environment, monitor.consent)
    print(f"Telemetry of {monitor.app} is {'on' if decision.on else 'off'}: {decision.by}")
    return 0
