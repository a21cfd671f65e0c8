"""Every table that is exported: its file, its columns and which of its numbers count installs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import ibis
import pandas as pd

from dashboard.analysis.engines import frame_of
from dashboard.analysis.error_free import error_free
from dashboard.analysis.errors import error_impact
from dashboard.analysis.fates import FATES, error_fates
from dashboard.analysis.first_run import first_run_errors
from dashboard.analysis.funnel import funnel
from dashboard.analysis.history import History
from dashboard.analysis.installs import active_installs, new_installs
from dashboard.analysis.interval import error_interval
from dashboard.analysis.leavers import left_after_error
from dashboard.analysis.lifecycle import lifecycle
from dashboard.analysis.losses import loss_account
from dashboard.analysis.one_time import one_time
from dashboard.analysis.platforms import identifiers, metric_values, os_spread, version_adoption
from dashboard.analysis.retention import retention
from dashboard.analysis.solution_quality import solution_quality
from dashboard.analysis.solutions import solution_deployments
from dashboard.analysis.stickiness import stickiness
from dashboard.analysis.won_back import won_back, won_back_versions
from dashboard.sentry import SentryLinks


@dataclass(frozen=True)
class Table:
    """A table that can be exported."""

    name: str
    """Of the file, without its ending."""
    build: Callable[..., ibis.Table | pd.DataFrame]
    """The analysis, of a history."""
    columns: tuple[str, ...]
    """In the order of the file; `sentry_url` is made from the rest of the row."""
    counts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each column that counts installs, and the columns that would give a small count away."""
    personal: bool = False
    """Each row is about one install."""
    about: tuple[str, ...] = ()
    """What else the analysis takes."""

    def frame(self, history: History, sentry: SentryLinks | None) -> pd.DataFrame:
        """Work the table out, with its columns as exported."""
        frame = frame_of(self.build, history, *self.about)
        if "sentry_url" in self.columns:
            frame["sentry_url"] = _links(frame, sentry)
        return frame[list(self.columns)]


def _links(frame: pd.DataFrame, sentry: SentryLinks | None) -> list[str] | None:
    """Addresses: of the event where a row names one, else of its fingerprint's issue."""
    if sentry is None:
        return None
    events = frame.get("sentry_event", pd.Series(None, index=frame.index, dtype=object))
    return [
        sentry.of_event(event) if isinstance(event, str) else sentry.of_fingerprint(fingerprint)
        for event, fingerprint in zip(events, frame["fingerprint"], strict=True)
    ]


_ESTIMATES = ("visits", "unmatched", "left", "expected", "excess", "ci_low", "ci_high", "q_value")
_IMPACT = ("fingerprint", "type", "where", "installs", *_ESTIMATES, "sentry_url")
_IMPACT_COUNTS = {
    "installs": _ESTIMATES,
    "visits": _ESTIMATES,
    "left": ("excess", "ci_low", "ci_high", "q_value"),
    "unmatched": (),
}
_FIRST_RUN_ESTIMATES = ("share", "expected", "difference", "ci_low", "ci_high")
_QUALITY = ("attempts", "succeeded", "share", "timed", "median_ms", "p90_ms")
_CLEAN = ("clean_installs", "install_share", "runs", "clean_runs", "run_share")
_LOSSES = ("reports", "dropped", "late", "ci", "dropped_share", "late_share", "ci_share")

_FIXED = (
    Table("new_installs", new_installs, ("day", "installs"), {"installs": ()}),
    Table(
        "active_installs",
        active_installs,
        ("day", "active_1", "active_7", "active_30"),
        {"active_1": (), "active_7": (), "active_30": ()},
    ),
    Table(
        "lifecycle",
        lifecycle,
        ("week", "new", "returning", "resurrected", "dormant"),
        {"new": (), "returning": (), "resurrected": (), "dormant": ()},
    ),
    Table(
        "retention",
        retention,
        ("cohort", "size", "week", "active", "share"),
        {"size": ("active", "share"), "active": ("share",)},
    ),
    Table(
        "version_adoption",
        version_adoption,
        ("week", "version", "installs"),
        {"installs": ()},
    ),
    Table(
        "os_spread", os_spread, ("os", "os_version", "installs", "share"), {"installs": ("share",)}
    ),
    Table(
        "solution_deployments",
        solution_deployments,
        ("week", "solution", "operation", "attempts", "succeeded", "installs"),
        {"installs": ("attempts", "succeeded")},
    ),
    Table(
        "one_time",
        one_time,
        ("cohort", "installs", "one_time", "too_early", "share"),
        {
            "installs": ("one_time", "too_early", "share"),
            "one_time": ("share",),
            "too_early": (),
        },
    ),
    Table("error_impact", error_impact, _IMPACT, _IMPACT_COUNTS),
    Table("error_interval", error_interval, _IMPACT, _IMPACT_COUNTS),
    Table(
        "left_after_error",
        left_after_error,
        (
            "install",
            "first_seen",
            "last_seen",
            "silent_days",
            "visits",
            "fingerprint",
            "type",
            "version",
            "os",
            "sentry_url",
        ),
        personal=True,
    ),
    Table(
        "stickiness",
        stickiness,
        ("day", "active_1", "active_30", "share"),
        {"active_1": ("share",), "active_30": ("share",)},
    ),
    Table(
        "error_fates",
        error_fates,
        ("fingerprint", "type", "where", "installs", *FATES),
        # All four make up the installs, which other files tell too.
        {"installs": FATES, **dict.fromkeys(FATES, FATES)},
    ),
    Table(
        "won_back",
        won_back,
        ("fingerprint", "type", "where", "left", "returned", "share", "ci_low", "ci_high"),
        {
            "left": ("returned", "share", "ci_low", "ci_high"),
            "returned": ("share", "ci_low", "ci_high"),
        },
    ),
    Table(
        "won_back_versions",
        won_back_versions,
        ("fingerprint", "version", "installs"),
        {"installs": ()},
    ),
    Table(
        "first_run_errors",
        first_run_errors,
        ("installs", "unmatched", "one_time", *_FIRST_RUN_ESTIMATES),
        {
            "installs": ("unmatched", "one_time", *_FIRST_RUN_ESTIMATES),
            "unmatched": (),
            "one_time": _FIRST_RUN_ESTIMATES,
        },
    ),
    Table(
        "solution_quality",
        solution_quality,
        ("solution", "operation", "installs", *_QUALITY),
        {"installs": _QUALITY},
    ),
    Table(
        "funnel",
        funnel,
        ("solution", "step", "operation", "installs", "share"),
        {"installs": ("share",)},
    ),
    Table(
        "error_free",
        error_free,
        ("version", "installs", *_CLEAN),
        {"installs": _CLEAN, "clean_installs": ("install_share",)},
    ),
    Table(
        "loss_account",
        loss_account,
        ("week", "installs", *_LOSSES),
        {"installs": _LOSSES},
    ),
)


def metric_table(identifier: str) -> Table:
    """The table of one metric's values."""
    return Table(
        f"metric_{identifier}",
        metric_values,
        ("value", "installs", "share"),
        {"installs": ("share",)},
        about=(identifier,),
    )


def all_tables(history: History) -> list[Table]:
    """Every table of an app, those of its own metrics among them."""
    found = frame_of(identifiers, history)["identifier"]
    return [*_FIXED, *(metric_table(str(identifier)) for identifier in found)]


def table(name: str) -> Table:
    """The table of that name, metrics aside."""
    return next(table for table in _FIXED if table.name == name)


def table_names(history: History) -> pd.DataFrame:
    """name: of `all_tables`."""
    return pd.DataFrame({"name": [table.name for table in all_tables(history)]})
