"""What changed this week, in sentences made of the data. Markdown, safe to show."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import pandas as pd

from dashboard.analysis.proportion import Z95
from dashboard.findings import error_name
from dashboard.words import TOO_FEW, count, day, percent, plain_markdown, share

SPREAD = 0.05
"""A version's share grows by so much, and the week is worth a sentence."""


@dataclass(frozen=True)
class News:
    """A sentence, and where it leads."""

    said: str
    page: str
    error: str | None = None
    """The fingerprint of the error it is about."""


def news(versions: pd.DataFrame, solutions: pd.DataFrame, errors: pd.DataFrame) -> list[News]:
    """What stands out in `version_shifts`, `success_shifts` and `new_errors`: a sentence each."""
    return [
        found
        for found in (spreading(versions), failing(solutions), unknown(errors))
        if found is not None
    ]


def spreading(versions: pd.DataFrame) -> News | None:
    """About the version that took over, else the one that spreads most."""
    known = versions.dropna(subset=["share", "share_before"])
    if known["before"].sum() < TOO_FEW or known["installs"].sum() < TOO_FEW:
        return None
    top, top_before = known.loc[known["share"].idxmax()], known.loc[known["share_before"].idxmax()]
    if top["version"] != top_before["version"]:
        return News(
            f"Version {plain_markdown(top['version'])} took over from "
            f"{plain_markdown(top_before['version'])}: {percent(top['share'])} of "
            f"{count(known['installs'].sum())} active installs, {percent(top['share_before'])} "
            "the week before.",
            "adoption",
        )
    fastest = known.loc[(known["share"] - known["share_before"]).idxmax()]
    if fastest["share"] - fastest["share_before"] < SPREAD:
        return None
    return News(
        f"Version {plain_markdown(fastest['version'])} spreads: "
        f"{percent(fastest['share'])} of {count(known['installs'].sum())} active installs, "
        f"{percent(fastest['share_before'])} the week before.",
        "adoption",
    )


def failing(solutions: pd.DataFrame) -> News | None:
    """About the solution whose success fell most, of those for which it is no chance.

    The difference of two shares by the normal law, its level divided by the solutions that were
    looked at (Bonferroni), roughly: 1.96 standard errors and one more for each tenfold.
    """
    many = solutions[(solutions["attempts"] >= TOO_FEW) & (solutions["attempts_before"] >= TOO_FEW)]
    worst: tuple[float, str] | None = None
    for row in many.itertuples():
        now = row.succeeded / row.attempts
        before = row.succeeded_before / row.attempts_before
        pooled = (row.succeeded + row.succeeded_before) / (row.attempts + row.attempts_before)
        error = sqrt(pooled * (1 - pooled) * (1 / row.attempts + 1 / row.attempts_before))
        if before - now > (Z95 + len(str(len(many))) - 1) * error and (
            worst is None or before - now > worst[0]
        ):
            said = (
                f"{plain_markdown(str(row.solution))} succeeds less often: "
                f"{share(row.succeeded, row.attempts)} attempts, {percent(before)} in the four "
                "weeks before."
            )
            worst = before - now, said
    return News(worst[1], "solutions") if worst else None


def unknown(errors: pd.DataFrame) -> News | None:
    """About the new error that most installs met."""
    if errors.empty:
        return None
    top = errors.iloc[0]
    name = plain_markdown(error_name(top["type"], top["where"]))
    others = len(errors) - 1
    more = f" {count(others)} more {'is' if others == 1 else 'are'} new." if others else ""
    installs = "install has" if top["installs"] == 1 else "installs have"
    return News(
        f"{name} is new: {count(top['installs'])} {installs} met it since "
        f"{day(top['first_day'])}.{more}",
        "errors",
        str(top["fingerprint"]),
    )
