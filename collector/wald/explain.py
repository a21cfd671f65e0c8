"""The page that tells users what is collected and why, where in the code, and how to say no."""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING

from . import consent, crash, delivery, install, metric, notice, report, spool
from .metric import DataCollector

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from .monitor import Monitor

WHY = """\
# What {app} reports, and why

## Why is this collected?

{app} is made by people who do not see it being used. Its reports show them which commands
matter, on which systems it has to work, and which errors drive people away. They serve nothing
else.

## What exactly is collected?

One report for each command, and one for each crash, with

| field | what | why |
|---|---|---|
| `id` | a random number | a report that arrives twice counts once |
| `app` | `{app}` | whose report it is |
| `install` | a pseudonym, made from a random secret that stays on your machine | to tell one \
who comes back from two who tried it once |
| `time` | when it happened | what changes over time |
| `operation`, `solution` | which command, and what it was done to | what is used |
| `outcome`, `duration_ms` | whether it worked, and how long it took | what fails, what is slow |
| `error` | of a crash: the exception's class, the module and function of {app} that it came \
from, and a number made from the two | which errors to mend first |
| `ci` | whether a CI service ran it | machines are not users |
| `dropped` | how many reports were lost before it | how far to trust the numbers |

and with these values:
"""

REST = """
Never your name or your machine's, addresses, paths, arguments, environment variables, error
messages, or what is in your files.

## Where does it go?

To {endpoint}, which the maintainers of {app} run. Nothing is sent while a command runs: what it
leaves in `{state}` is sent in the background after it, and waits there
for 30 days at most.{sentry}

## Where in the code?

{places}

## How do I say no?

Any of these, the first ranks highest:

1. set the environment variable `DO_NOT_TRACK=1`
2. set the environment variable `{variable}=off`
3. write the word `off` into `{choice}`

Then nothing is collected, and what was kept for it on your machine is deleted.

## How long is it kept, whom can I ask, how am I forgotten?

{more} says how long, and whom to ask.{contact} To be forgotten, send
`{{"secret": "..."}}` with the first line of `{state}/install` to
`{endpoint}/v1/forget`: it proves that the pseudonym is yours, and every report under it is
deleted. A tool with a `telemetry` command does all this for you: `telemetry off`,
`telemetry forget`.
"""


def page(of: Monitor, values: bool = True) -> str:
    """Return the page as Markdown; with *values*, it shows what each metric reads here."""
    environment = of.environment
    sentry = " A crash is told to Sentry too, with the same content and the names of the functions"
    return (
        WHY.format(app=of.app)
        + "\n"
        + _metrics(of.version, values)
        + REST.format(
            app=of.app,
            endpoint=of.endpoint,
            more=of.more,
            variable=environment.variable,
            state=_homely(environment.state),
            choice=_homely(environment.choice_file),
            contact=f" {of.contact} answers questions." if of.contact else "",
            sentry=f"{sentry}\nit passed." if of.reports_to_sentry else "",
            places="\n".join(f"- {what}: `{place(thing)}`" for what, thing in _places(of).items()),
        )
    )


def place(thing: ModuleType | type | Callable[..., object]) -> str:
    """Return file and line of *thing*, without the folder that it is installed in."""
    if inspect.ismodule(thing):
        name, line = thing.__name__, 1
    else:
        name, line = thing.__module__, inspect.getsourcelines(thing)[1]
    if name == "__main__":
        return f"{os.path.basename(str(sys.modules[name].__file__))}:{line}"
    return f"{name.replace('.', '/')}.py:{line}"


def _places(of: Monitor) -> dict[str, ModuleType | type | Callable[..., object]]:
    return {
        "whether to report": consent.decide,
        "the notice": notice.notice,
        "what makes up a report": report.make,
        "the values in it": metric.DataCollector,
        "what is told of a crash": crash.describe,
        "the pseudonym": install.pseudonym_of,
        "what waits on disk": spool.Spool,
        "what is sent": delivery.send_reports,
    }


def _metrics(version: str, values: bool) -> str:
    """Return the table of the metrics."""
    read = DataCollector.collect(version) if values else {}
    rows = [("value", "here", "what and why", "code"), ("---", "---", "---", "---")]
    for name, kind in DataCollector.metrics.items():
        words = " ".join((kind.__doc__ or "").split())
        rows.append((f"`{name}`", str(read.get(name, "")), words, f"`{place(kind)}`"))
    shown = [row if values else (row[0], *row[2:]) for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in shown) + "\n"


def _homely(path: str | None) -> str:
    """Shorten a path in the home folder, so that the page does not tell whose it is."""
    if path is None:
        return "(there is no folder for it here)"
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path.startswith(home + os.sep) else path
