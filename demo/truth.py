"""What an observer who sees everything writes down about a simulated project.

Reports marked ``ci`` are left out, as the dashboard leaves them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from demo.days import iso
from demo.project import HORIZON, PlantedError, Project
from demo.usage import Days, Installs, Row, Weeks
from demo.visits import Visit


class ErrorTruth(TypedDict):
    """What one planted error did. ``visits`` are exposed and not censored, ``left`` of these."""

    fingerprint: str
    type: str
    where: str
    character: str
    effect: float
    """Planted: probability of leaving for good, on top of whatever else makes users leave."""
    visits: int
    installs: int
    """All that met it, be it at a censored visit."""
    left: int
    expected_excess: float
    """Sum over the visits of effect x probability of not leaving there anyway."""
    lost: int
    """Users who would have come back within the horizon, but for the error."""
    driven_away: int
    """Everyone who left because of it, also where censored or leaving anyway."""


class Truth(TypedDict):
    """The file that ``--truth`` writes; ``tables`` has the rows of each CSV file by its name."""

    as_of: str
    horizon: int
    app: str
    seed: int
    counts: dict[str, int]
    tables: dict[str, list[Row]]
    errors: list[ErrorTruth]


@dataclass
class _Losses:
    error: PlantedError
    visits: int = 0
    left: int = 0
    lost: int = 0
    driven_away: int = 0
    expected_excess: float = 0.0
    installs: set[str] = field(default_factory=set)

    def add(self, visit: Visit, as_of: int) -> None:
        self.driven_away += visit.driven_away
        self.installs.add(visit.install)
        if visit.day > as_of - HORIZON:
            return
        self.visits += 1
        self.left += visit.next_day is None or visit.next_day - visit.day > HORIZON
        self.lost += visit.driven_away and not visit.would_leave
        self.expected_excess += self.error.effect * (1 - visit.leaving)

    def row(self) -> ErrorTruth:
        return {
            "fingerprint": self.error.fingerprint,
            "type": self.error.type,
            "where": self.error.where,
            "character": self.error.character,
            "effect": self.error.effect,
            "visits": self.visits,
            "installs": len(self.installs),
            "left": self.left,
            "expected_excess": self.expected_excess,
            "lost": self.lost,
            "driven_away": self.driven_away,
        }


class Observer:
    """Watches a simulation from its first visit to its last."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._days = Days()
        self._weeks = Weeks()
        self._installs = Installs(project.until)
        self._losses = {error.fingerprint: _Losses(error) for error in project.errors}
        self._counts = dict.fromkeys(("ci_installs", "reports", "ci_reports", "visits"), 0)

    def watch(self, visits: list[Visit]) -> None:
        """Take in the visits of the next day."""
        for visit in visits:
            reports = sum(1 if run.error is None else 2 for run in visit.runs)
            self._counts["reports"] += reports
            if visit.ci:
                self._counts["ci_reports"] += reports
                self._counts["ci_installs"] += visit.gap is None
                continue
            self._counts["visits"] += 1
            self._days.add(visit)
            self._weeks.add(visit)
            self._installs.add(visit)
            if visit.error is not None:
                self._losses[visit.error.fingerprint].add(visit, self._project.until)

    def truth(self) -> Truth:
        """What is true once the last day is over."""
        as_of = self._project.until
        return {
            "as_of": iso(as_of),
            "horizon": HORIZON,
            "app": self._project.app,
            "seed": self._project.seed,
            "counts": {"installs": self._installs.count, **self._counts},
            "tables": self._days.tables(as_of)
            | self._weeks.tables(as_of)
            | self._installs.tables(),
            "errors": [losses.row() for losses in self._losses.values()],
        }
