"""What the tool sends about a visit: a report a run, and one more for a crash."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from random import Random
from typing import TYPE_CHECKING

from demo.project import PlantedError, Project
from demo.session import Run
from demo.visits import Visit

if TYPE_CHECKING:
    from wald.report import ErrorInfo, Report


def sender(project: Project) -> Random:
    """Where the reports' random ids come from: two different projects share none."""
    return Random(f"reports of {project.name}")


def of_day(visits: Iterable[Visit], app: str, rng: Random) -> list[Report]:
    """The reports of a day's visits, ordered by time."""
    found: list[Report] = []
    for visit in visits:
        for run in visit.runs:
            report = _report(visit, run, app, rng)
            found.append(report)
            if run.error is not None:
                found.append(_crash(report, run.error, rng))
    found.sort(key=itemgetter("time"))
    return found


def _report(visit: Visit, run: Run, app: str, rng: Random) -> Report:
    report: Report = {
        "id": f"{rng.getrandbits(128):032x}",
        "app": app,
        "install": visit.install,
        "time": run.time,
        "kind": "run",
        "operation": run.operation,
        "outcome": run.outcome,
        "duration_ms": run.duration_ms,
        "metrics": run.metrics,
        "ci": visit.ci,
        # Rarely a spool overflowed or a disk was full.
        "dropped": 0 if rng.random() < 0.998 else 1 + int(rng.random() * 5),
    }
    if run.solution is not None:
        report["solution"] = run.solution
    return report


def _crash(run: Report, error: PlantedError, rng: Random) -> Report:
    report = run.copy()
    del report["outcome"], report["duration_ms"]
    report["id"] = f"{rng.getrandbits(128):032x}"
    report["time"] += int(rng.random() * 5)
    report["kind"] = "error"
    report["dropped"] = 0
    info: ErrorInfo = {
        "fingerprint": error.fingerprint,
        "type": error.type,
        "where": error.where,
        "sentry_event": f"{rng.getrandbits(128):032x}",
    }
    report["error"] = info
    return report
