"""What is being looked at: one app, up to a day, through filters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from dashboard.schema import HORIZON

Unit = Literal["D", "W", "M"]
"""A day, a week beginning on Monday, a month."""


@dataclass(frozen=True)
class Scope:
    """One app's reports as seen on a day, and which of them are shown.

    The period and the filters choose what is shown. Visit numbers, gaps and leaving are worked
    out over the whole history, whatever is chosen. A filter that is empty lets everything
    through; several narrow each other.
    """

    app: str
    as_of: date
    """The last complete day considered."""
    last_day: date
    """The last day shown: `as_of`, or today where `as_of` was not chosen; later reports are
    ignored."""
    horizon: int = HORIZON
    """Days of silence after which a user counts as gone."""
    ci: bool = False
    """Whether runs by CI services count."""
    since: date | None = None
    until: date | None = None
    versions: tuple[str, ...] = ()
    """Package versions shown."""
    systems: tuple[str, ...] = ()
    """OS families shown."""
    solutions: tuple[str, ...] = ()
    """Solutions shown."""
    metrics: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Values shown, as text, of each metric that is named by its IDENTIFIER."""
    last_report: date | None = None
    """The day of the app's last report, where that is known."""

    @property
    def ignores_later(self) -> bool:
        """Whether there may be reports of days after `last_day`."""
        return self.last_report is None or self.last_report > self.last_day

    @property
    def filtered(self) -> bool:
        """Whether anything but the period chooses what is shown."""
        return bool(self.versions or self.systems or self.solutions or self.metrics)

    @property
    def ends_early(self) -> bool:
        """Whether the period ends before the last day shown."""
        return self.until is not None and self.until < self.last_day

    @property
    def shows_all(self) -> bool:
        """Whether neither the period nor a filter leaves anything out."""
        return not (self.filtered or self.since or self.ends_early)

    @property
    def only_systems(self) -> bool:
        """Whether no filter but that of OS families chooses."""
        return bool(self.systems) and not (self.versions or self.solutions or self.metrics)

    @property
    def only_solutions(self) -> bool:
        """Whether no filter but that of solutions chooses."""
        return bool(self.solutions) and not (self.versions or self.systems or self.metrics)

    @property
    def last_judged(self) -> date:
        """The last day whose visits are not censored: its whole horizon lies before `as_of`."""
        return self.as_of - timedelta(days=self.horizon)


def seen_from(today: date, last_report: date, as_of: date | None = None) -> tuple[date, date]:
    """Return the last complete day considered, and the last day shown.

    A chosen `as_of` is both. Else the last complete day is yesterday, or the day of the last
    report where that is earlier; and today's reports are shown, though they are not complete.
    """
    if as_of:
        return as_of, as_of
    complete = min(last_report, today - timedelta(days=1))
    return complete, max(complete, min(last_report, today))


def start_of(day: date, unit: Unit) -> date:
    """The first day of the week or month that a day lies in; the day itself for ``D``."""
    if unit == "W":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "M" else day
