"""``python -m wald explain MODULE:MONITOR``: write the page on an application's telemetry."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from .monitor import Monitor


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Exits with a sentence where there is no such monitor."""
    parser = argparse.ArgumentParser(prog="python -m wald")
    commands = parser.add_subparsers(required=True)
    about = "print the page that tells users what is collected, why, and how to say no"
    command = commands.add_parser("explain", help=about, description=about)
    command.add_argument("monitor", metavar="MODULE:MONITOR", help="where the monitor is made")
    command.add_argument(
        "--without-values",
        action="store_true",
        help="leave out what the metrics read on this machine, for a page to be published",
    )
    chosen = parser.parse_args(arguments)
    sys.path.insert(0, os.getcwd())

    from .explain import page

    print(page(_find(chosen.monitor), values=not chosen.without_values), end="")


def _find(name: str) -> Monitor:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute or "monitor")
    except (ImportError, AttributeError) as error:
        sys.exit(f"python -m wald: there is no {name}: {error}")
    if not isinstance(found, Monitor):
        sys.exit(f"python -m wald: {name} is a {type(found).__name__}, and no Monitor")
    return found


if __name__ == "__main__":
    main()
