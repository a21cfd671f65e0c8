"""What the numbers say about one error. Markdown, safe to show."""

from __future__ import annotations

from datetime import date

import pandas as pd

from dashboard.analysis.survival import WITH, WITHOUT, LogRank
from dashboard.findings import MIN_VISITS, why_untold
from dashboard.words import TOO_FEW, count, counted, day, percent, plain_markdown, share

MONTH = 30
"""Days after which two curves are compared in a sentence; fewer where they are shorter."""


def lost(row: pd.Series) -> str:
    """Of a row of `error_interval`: the users it cost."""
    if pd.isna(row["excess"]):
        return why_untold(row["visits"])
    return f"{row['excess']:,.1f}"


def lost_between(row: pd.Series) -> str | None:
    """Of a row of `error_interval`: the interval, and whether it may be chance."""
    if pd.isna(row["excess"]):
        return "nobody alike to compare with" if row["visits"] else None
    proven = row["q_value"] < 0.05 and row["visits"] - row["unmatched"] >= MIN_VISITS
    ends = f"95 %: {row['ci_low']:,.0f} to {row['ci_high']:,.0f}"
    return ends if proven else f"{ends}, may be chance"


def enough(row: pd.Series) -> str | None:
    """Of a row of `error_interval`: that its visits are few, where they are."""
    compared = row["visits"] - row["unmatched"]
    if compared < MIN_VISITS:
        return "too few to prove anything"
    return "few: take it with care" if compared < TOO_FEW else None


def survival(curves: pd.DataFrame, test: LogRank) -> str:
    """About the curves of `survival`, after a month where they reach so far."""
    ends = {name: curves[curves["group"] == name] for name in (WITH, WITHOUT)}
    if any(end.empty for end in ends.values()):
        return "Too early to tell how long users stay after it"
    shown = min(MONTH, *(int(end["day"].max()) for end in ends.values()))
    there = {name: end[end["day"] == shown]["survival"].iloc[0] for name, end in ends.items()}
    few = ", but they are few" if test.exposed < TOO_FEW else ""
    return (
        f"{percent(there[WITH])} are still there {shown} days after it, "
        f"{percent(there[WITHOUT])} of like users without it{few}"
    )


def log_rank(test: LogRank) -> str:
    """What the test says, in plain words."""
    followed = f"{count(test.exposed)} with it, {count(test.controls)} without"
    missing = f"; {count(test.unmatched)} found nobody alike" if test.unmatched else ""
    base = f"Followed: {followed}{missing}."
    if test.p_value is None:
        return base
    p = "less than 0.001" if test.p_value < 0.001 else f"{test.p_value:.3f}"
    said = "chance alone hardly explains" if test.p_value < 0.05 else "chance alone may explain"
    return f"{base} Log-rank test: p is {p}, {said} how the curves differ."


def no_survival(test: LogRank, horizon: int) -> str:
    """Why there are no curves."""
    if test.unmatched:
        return f"{count(test.unmatched)} met it, and no ten users alike were found for any of them."
    return f"Whoever met it did so in the last {horizon} days: who stays can't be told yet."


def fates(frame: pd.DataFrame) -> str:
    """About the error's row of `error_fates`."""
    if frame.empty:
        return "What became of those who met it is not known"
    row = frame.iloc[0]
    told = row["installs"] - row["too_early"]
    if not told:
        return "It is too early to tell what became of those who met it"
    few = ", few" if told < TOO_FEW else ""
    return f"{share(row['left'], told)}{few} left after it"


def won_back(won: pd.DataFrame, versions: pd.DataFrame) -> str:
    """About the error's rows of `won_back` and `won_back_versions`."""
    if won.empty:
        return "Nobody has left after it"
    row = won.iloc[0]
    said = f"{count(row['returned'])} of {count(row['left'])} who had left came back"
    if versions.empty:
        return said
    top = versions.iloc[0]
    return f"{said}, most with version {plain_markdown(str(top['version']))}"


def by_week(weekly: pd.DataFrame, last: date) -> str:
    """About the last whole week of `met_by_week` beside the one before."""
    over = weekly[pd.to_datetime(weekly["week"]) <= pd.Timestamp(last)]
    if over.empty:
        return "No week is over yet"
    said = f"{counted(over['installs'].iloc[-1], 'install')} met it in the last whole week"
    if len(over) < 2:
        return said
    return f"{said}, {count(over['installs'].iloc[-2])} the week before"


def versions(frame: pd.DataFrame, as_of: date) -> str:
    """About the first rows of `met_on_versions`."""
    if frame.empty:
        return "No version is known to have it"
    top = frame.iloc[0]
    name = plain_markdown(str(top["version"]))
    since = (pd.Timestamp(as_of) - pd.Timestamp(top["last_met"])).days
    if since > MONTH:
        return f"Last met on {day(pd.Timestamp(top['last_met']))}, on version {name}"
    return f"Still met on version {name}: {share(top['installs'], top['active'])} installs"


def affected(frame: pd.DataFrame, installs: int, horizon: int) -> str:
    """About the rows of `affected_installs`, of so many installs."""
    gone = count(int((frame["silent_days"] >= horizon).sum()))
    met = f"{counted(installs, 'install')} met it"
    if len(frame) < installs:
        return f"{met}, of the last {count(len(frame))} of them {gone} are silent now"
    return f"{met}, {gone} of them are silent now"
