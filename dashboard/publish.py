"""The picture that a project shows its users: one page of aggregates, with its data beside it.

Who published a count of one would tell about somebody. So what fewer than `least` installs have is
named nowhere, but summed up; and a count below that is left blank, in the page as in the files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from dashboard.analysis.engines import frame_of
from dashboard.analysis.headline import headline
from dashboard.analysis.history import History
from dashboard.analysis.installs import active_installs, new_installs
from dashboard.analysis.platforms import metric_values, os_families, os_spread
from dashboard.analysis.solutions import deployments_by_solution
from dashboard.drawing import Curve, curve
from dashboard.export import csv_bytes
from dashboard.words import count, day, percent, system_name

PERIOD = 90
"""Days that the shares and the counts speak of."""

PAST = 730
"""Days that the curves show."""

LEAST = 5
"""Installs below which nothing is told."""

MOST = 12
"""Rows of a list; the rest are summed up."""

OTHER = "other"
"""Sums up what is rare."""


@dataclass(frozen=True)
class Parts:
    """Installs by what they have, most first; a count below the least is None."""

    name: str
    """Of the files."""
    title: str
    rows: tuple[tuple[str, int | None], ...]
    exclusive: bool = True
    """An install is in one row, so that the rows add up and have shares."""

    @property
    def total(self) -> int:
        """What the shares are of: the installs that are told."""
        return sum(installs or 0 for _, installs in self.rows)

    @property
    def most(self) -> int:
        """The longest bar."""
        return max((installs or 0 for _, installs in self.rows), default=0)


@dataclass(frozen=True)
class Picture:
    """Everything that is published; None where too few installs stand behind a number."""

    app: str
    as_of: date
    since: date
    least: int
    new: int | None
    active: int | None
    weeks: tuple[tuple[date, int | None, int | None], ...]
    """Each whole week's Monday, its new installs, and those active in the 30 days to its end."""
    parts: tuple[Parts, ...]
    more: str | None
    """Where the project itself tells about its telemetry."""


def picture(
    history: History, *, least: int = LEAST, metrics: tuple[str, ...] = (), more: str | None = None
) -> Picture:
    """Work out what is published of an app.

    Args:
        history: of the app, as of its last complete day.
        metrics: of the app's own, which are published too.
    """
    as_of = history.scope.as_of
    since = as_of - timedelta(days=PERIOD - 1)
    shown = history.within(since, as_of)
    numbers = frame_of(headline, shown).iloc[0]
    told = partial(frame_of, metric_values, shown)
    system = ("os", "os_version")
    lists: list[tuple[str, str, pd.DataFrame, str | tuple[str, str]]] = [
        ("versions", "Version", told("package_version"), "value"),
        ("systems", "Operating system", frame_of(os_families, shown), "os"),
        ("system_versions", "Version of the system", frame_of(os_spread, shown), system),
        ("pythons", "Python", told("py_version"), "value"),
        ("solutions", "Used for", frame_of(deployments_by_solution, shown), "solution"),
        *((f"metric_{name}", name, told(name), "value") for name in metrics),
    ]
    parts = (_parts(name, title, frame, column, least) for name, title, frame, column in lists)
    return Picture(
        app=history.scope.app,
        as_of=as_of,
        since=since,
        least=least,
        new=_told(numbers["new_installs"], least),
        active=_told(numbers["active"], least),
        weeks=_weeks(history, least),
        parts=tuple(part for part in parts if part.rows),
        more=more,
    )


def publish(shown: Picture, out: Path) -> list[Path]:
    """Write the page, its data as JSON and each list as CSV into a folder, made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    files: dict[str, bytes] = {"index.html": _page(shown).encode()}
    content = json.dumps(asdict(shown), default=date.isoformat, ensure_ascii=False, indent=1)
    # JSON may write it so, and then it is no markup, whoever shows it as what.
    files["data.json"] = content.replace("<", "\\u003c").encode()
    weeks = pd.DataFrame(shown.weeks, columns=["week", "new", "active_30"])
    files["weeks.csv"] = csv_bytes(weeks)
    for part in shown.parts:
        files[f"{part.name}.csv"] = csv_bytes(
            pd.DataFrame(part.rows, columns=["value", "installs"]).astype({"installs": "Int64"})
        )
    for name, content_bytes in files.items():
        (out / name).write_bytes(content_bytes)
    return [out / name for name in files]


def _parts(
    name: str, title: str, frame: pd.DataFrame, column: str | tuple[str, str], least: int
) -> Parts:
    """The rows that are told, and what is rare as one."""
    names = (
        frame[column].astype(str)
        if isinstance(column, str)
        else [system_name(*pair) for pair in zip(*(frame[one] for one in column), strict=True)]
    )
    counted = pd.Series(frame["installs"].to_numpy(), index=pd.Index(names)).sort_values(
        ascending=False, kind="stable"
    )
    told = counted[counted >= least].head(MOST)
    rest = int(counted.sum() - told.sum())
    rows: list[tuple[str, int | None]] = [
        (_plain(str(name)), int(installs)) for name, installs in told.items()
    ]
    exclusive = name != "solutions"
    if rest and exclusive:
        rows.append((OTHER, _told(rest, least)))
    return Parts(name, title, tuple(rows) if len(told) else (), exclusive)


def _plain(text: str) -> str:
    """Text from outside in one line, without characters that steer how others are shown."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip() or "(blank)"


def _told(installs: float, least: int) -> int | None:
    return int(installs) if installs >= least else None


def _weeks(history: History, least: int) -> tuple[tuple[date, int | None, int | None], ...]:
    as_of = history.scope.as_of
    sunday = as_of - timedelta(days=(as_of.weekday() + 1) % 7)
    past = history.within(sunday - timedelta(days=PAST), sunday)
    new = frame_of(new_installs, past).set_index("day")["installs"]
    new.index = pd.to_datetime(new.index)
    active = frame_of(active_installs, past).set_index("day")["active_30"]
    active.index = pd.to_datetime(active.index)
    by_week = new.resample("W-SUN").sum()
    return tuple(
        ((end - timedelta(days=6)).date(), _told(came, least), _told(active.get(end, 0), least))
        for end, came in by_week.items()
        if end.date() <= sunday and new.index.min() <= end - timedelta(days=6)
    )


def _page(shown: Picture) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": count, "percent": percent, "day": day}
    curves: Mapping[str, Curve] = {
        "active": curve([(when, active) for when, _, active in shown.weeks]),
        "new": curve([(when, new) for when, new, _ in shown.weeks]),
    }
    values: dict[str, Any] = {
        "shown": shown,
        "curves": curves,
        "period": PERIOD,
        # As `wald.consent` names it.
        "variable": shown.app.upper().replace("-", "_") + "_TELEMETRY",
    }
    return environment.get_template("publish.html").render(**values)
