"""What ``make run`` executes: every part of Wald on this machine, with something to look at."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from demo.parts import HOST, Part, PartFailed, Parts, Stopped, require_free_ports

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(".wald")
"""Data and logs, below the repository."""

DATABASE = f"http://{HOST}:9000"
INGEST = f"http://{HOST}:8080"
DASHBOARD = f"http://{HOST}:8501"
EXAMPLE = (
    ".venv/bin/python collector/examples/logtally.py top fail2ban collector/examples/fail2ban.log"
)

LOCAL = {
    "FIREBASE_DATABASE_URL": "https://wald.firebaseio.com",
    "FIREBASE_DATABASE_EMULATOR_HOST": f"{HOST}:9000",
}
"""Set outright, so that no setting elsewhere leads the demo's reports into a real database."""


def main() -> int:
    """Run everything until Ctrl-C; returns the exit status."""
    try:
        with Parts(ROOT / STATE / "logs", environment(os.environ), ROOT) as parts:
            run(parts)
    except PartFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except Stopped:
        print("\nEnded.")
    return 0


def run(parts: Parts) -> None:
    """Start the parts in order, fill the database if it is empty, and watch."""
    database, ingest, dashboard = wald_parts()
    require_free_ports([database, ingest, dashboard])
    tell("Starting the database and the ingest function")
    parts.start(database)
    parts.start(ingest)
    parts.await_answer(database)
    parts.await_answer(ingest)
    fill(parts, ROOT / STATE / "demo.unfinished", DATABASE, python("demo"))
    tell("Bringing the dashboard's warehouse up to date")
    parts.complete("sync", python("dashboard", "sync"))
    parts.start(dashboard)
    parts.await_answer(dashboard)
    tell("Opening its pages for the first time")
    parts.complete("first visit", python("dashboard.first_visit", DASHBOARD))
    tell(f"\nWald is at {DASHBOARD} (Ctrl-C ends it). In another terminal, try\n  {EXAMPLE}")
    parts.watch()


def wald_parts() -> tuple[Part, Part, Part]:
    """The database, the ingest function and the dashboard."""
    function = ("--asgi", "--source", "ingest/main.py", "--target", "ingest")
    page = ("run", "dashboard/app.py", "--server.address", HOST, "--server.port", "8501")
    return (
        Part(
            "database",
            python("rtdb", "--host", HOST, "--port", "9000", "--data", str(STATE / "rtdb")),
            9000,
            lambda: read(f"{DATABASE}/.json?shallow=true&ns=wald") is not None,
        ),
        Part(
            "ingest function",
            python("functions_framework", *function, "--host", HOST, "--port", "8080"),
            8080,
            lambda: read(f"{INGEST}/healthz") is not None,
        ),
        Part(
            "dashboard",
            python("streamlit", *page, "--server.headless", "true"),
            8501,
            lambda: read(f"{DASHBOARD}/_stcore/health") is not None,
        ),
    )


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module with this Python."""
    return (sys.executable, "-m", module, *arguments)


def read(address: str) -> bytes | None:
    """What a local address answers; None if nobody answers or the answer is an error."""
    request = urllib.request.Request(address, headers={"Authorization": "Bearer owner"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=5) as response:
            body: bytes = response.read()
            return body
    except OSError:  # urllib's own errors are among them
        return None


def fill(parts: Parts, unfinished: Path, database: str, demo: Sequence[str]) -> None:
    """Put the demo project into an empty database, or go on where a filling was cut off.

    ``unfinished`` remembers the project's last day meanwhile: simulated again it has the same
    ids, so that what is stored already is not stored twice.
    """
    if unfinished.exists():
        until = unfinished.read_text(encoding="utf-8").strip()
    elif read(f"{database}/reports.json?shallow=true&ns=wald") == b"null":
        until = yesterday().isoformat()
        unfinished.write_text(until, encoding="utf-8")
    else:
        return
    tell("Filling the database with two years of a simulated project")
    parts.complete("demo", (*demo, "--until", until))
    unfinished.unlink()


def yesterday() -> date:
    """The last day that is over everywhere the reports' days are counted (UTC)."""
    return datetime.now(UTC).date() - timedelta(days=1)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The given environment, made to lead to the local database and past any proxy."""
    ignored = [name for name in LOCAL if given.get(name, LOCAL[name]) != LOCAL[name]]
    if ignored:
        tell(f"{' and '.join(ignored)} set aside: make run keeps to a database of its own.")
    exempt = ",".join(filter(None, (given.get("NO_PROXY"), HOST)))
    return {**given, **LOCAL, "NO_PROXY": exempt, "no_proxy": exempt}


def tell(sentence: str) -> None:
    """Print at once, also into a pipe."""
    print(sentence, flush=True)


if __name__ == "__main__":
    sys.exit(main())
