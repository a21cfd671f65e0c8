"""What the numbers say, in the sentences that head the charts. Markdown, safe to show."""

from __future__ import annotations

from datetime import date

import pandas as pd

from dashboard.words import (
    TOO_FEW,
    count,
    counted,
    day,
    duration,
    percent,
    plain_markdown,
    share,
)

MIN_VISITS = 5
"""Matched visits with an error below which nothing is called proven."""


def change(now: float, before: float | None) -> float | None:
    """The change relative to the period before; None where there is none to compare with."""
    return None if not before else now / before - 1


def active(
    now: float,
    before: float | None = None,
    came: float | None = None,
    until: date | None = None,
) -> str:
    """About the installs active at the end of the period, and at the end of the one before.

    Args:
        came: how many of them came in the 30 days, where that is known.
        until: the end of the period, where it is not the last complete day.
    """
    said = f"{counted(now, 'install')} {'was' if now == 1 else 'were'} active in the "
    said += f"30 days up to {day(until)}" if until else "last 30 days"
    said += f", {count(came)} of them new" if came else ""
    moved = change(now, before)
    if moved is None:
        return said
    if abs(moved) < 0.005:
        return f"{said}, as many as in the period before"
    return (
        f"{said}, {percent(abs(moved))} {'more' if moved > 0 else 'fewer'} than the period before"
    )


def came_lately(frame: pd.DataFrame, until: date, days: int) -> float | None:
    """New installs by day, summed over the last days; None where they are not all there."""
    times = pd.to_datetime(frame["day"])
    last = pd.Timestamp(until)
    begin = last - pd.Timedelta(days=days - 1)
    if frame.empty or times.min() > begin:
        return None
    return float(frame["installs"][times.between(begin, last)].sum())


def most_used(versions: pd.DataFrame) -> str | None:
    """Of `version_shifts`: the version that most installs ran last; None where none is known."""
    known = versions.dropna(subset=["share"])
    if known.empty or not known["installs"].max():
        return None
    version = str(known.loc[known["installs"].idxmax()]["version"])
    return f"Most used version: {plain_markdown(version)}"


def new_installs(frame: pd.DataFrame) -> str:
    """About new installs by day."""
    if frame.empty or not frame["installs"].sum():
        return "No new install in this period"
    best = frame.loc[frame["installs"].idxmax()]
    total = count(frame["installs"].sum())
    return f"{total} new installs, most on {day(best['day'])} ({count(best['installs'])})"


def lifecycle(frame: pd.DataFrame, last_complete: date) -> str:
    """About the last week that is over: did more come (back) than fell silent?"""
    whole = frame[pd.to_datetime(frame["week"]) <= pd.Timestamp(last_complete)]
    if whole.empty:
        return "No week is over yet"
    last = whole.iloc[-1]
    came = last["new"] + last["resurrected"]
    return (
        f"{counted(came, 'install')} came or came back in the last whole week, "
        f"{count(last['dormant'])} fell silent"
    )


def stickiness(frame: pd.DataFrame) -> str:
    """About the share of the month's users that a day sees, over the days of the period."""
    month = frame["active_30"].sum()
    if not month:
        return "No install was active in this period"
    return f"A day sees {percent(frame['active_1'].sum() / month)} of the month's users"


def versions(frame: pd.DataFrame) -> str:
    """About version adoption by week: the version most installs run at the end."""
    if frame.empty:
        return "No install was active in this period"
    last = frame[frame["week"] == frame["week"].max()]
    top = last.loc[last["installs"].idxmax()]
    part = share(top["installs"], last["installs"].sum())
    return f"Version {plain_markdown(top['version'])} leads, with {part} active installs"


def retention(frame: pd.DataFrame) -> str:
    """About the retention of all cohorts together, four weeks after their first."""
    fourth = frame[frame["week"] == 4].dropna(subset=["active"])
    if not fourth["size"].sum():
        return "It is too early to tell who comes back after four weeks"
    part = share(fourth["active"].sum(), fourth["size"].sum())
    return f"{part} new installs were there in the fourth week after their first"


def top_share(frame: pd.DataFrame, name: str, what: str) -> str:
    """About the value that most installs have."""
    if frame.empty:
        return f"No install told its {what}"
    top = frame.loc[frame["installs"].idxmax()]
    part = share(top["installs"], frame["installs"].sum())
    return (
        f"Most frequent {plain_markdown(what)}: {plain_markdown(str(top[name]))}, {part} installs"
    )


def deployments(ranked: pd.DataFrame) -> str:
    """About all deployments of the period, by solution, most attempts first."""
    if ranked.empty:
        return "No solution was deployed in this period"
    top = ranked.iloc[0]
    part = share(top["attempts"], ranked["attempts"].sum())
    return f"{plain_markdown(str(top['solution']))} leads: {part} deployments"


def success(frame: pd.DataFrame) -> str:
    """About the solution and operation that fail most often, among those tried 30 times or more."""
    tried = frame[frame["attempts"] >= TOO_FEW]
    if tried.empty:
        return "Too few attempts to compare how they end"
    worst = tried.loc[(tried["succeeded"] / tried["attempts"]).idxmin()]
    name = plain_markdown(f"{worst['operation']} of {worst['solution']}")
    return f"{name} succeeds least: {share(worst['succeeded'], worst['attempts'])}"


def durations(timed: pd.DataFrame) -> str:
    """About the solution and operation that take longest, among those timed 30 times or more."""
    many = timed[timed["timed"] >= TOO_FEW]
    if many.empty:
        return "Too few attempts tell how long they took"
    slow = many.loc[many["median_ms"].idxmax()]
    name = plain_markdown(f"{slow['operation']} of {slow['solution']}")
    return f"{name} takes longest: half are done in {duration(slow['median_ms'])}"


def funnel(frame: pd.DataFrame) -> str:
    """About all solutions together: who of those that began comes to the last step."""
    if frame.empty:
        return "Nobody began a deployment in this period"
    first, last = frame[frame["step"] == 1], frame[frame["step"] == frame["step"].max()]
    part = share(last["installs"].sum(), first["installs"].sum())
    return f"{part} deployments begun came to {plain_markdown(str(last.iloc[0]['operation']))}"


def first_run(row: pd.Series) -> str:
    """About whether an error on the first day makes one-time users."""
    if not row["installs"]:
        return "No new install met an error on its first day"
    if pd.isna(row["difference"]):
        return "Too few new installs met an error on their first day to compare them"
    low, high = row["ci_low"], row["ci_high"]
    if low <= 0 <= high:
        return "An error on the first day may make no difference to who comes back"
    points = f"{100 * abs(row['difference']):.0f} points {'more' if low > 0 else 'fewer'}"
    return f"With an error on the first day, {points} came once"


def one_time(installs: float, judged: float) -> str:
    """About those who came once, of the installs that are not too early to judge."""
    if not judged:
        return "It is too early to tell who came once"
    return f"{share(installs, judged)} new installs came once and never again"


def one_time_by(frame: pd.DataFrame, what: str) -> str:
    """About the version or OS whose first-timers come once most often."""
    many = frame[frame["judged"] >= TOO_FEW]
    if many.empty:
        return f"Too few new installs to compare them by {what}"
    worst = many.loc[many["share"].idxmax()]
    name = plain_markdown(str(worst["value"]))
    part = share(worst["one_time"], worst["judged"])
    if len(frame) == 1:
        return f"{name} is the first {what} of all of them: {part} came once"
    return f"With {name}, {part} came once"


def worst_error(impact: pd.DataFrame) -> str:
    """About the error that cost most users."""
    if impact.empty:
        return "No error was reported in this period"
    judged = impact.dropna(subset=["excess"])
    if judged.empty and impact["visits"].any():
        return "What errors cost can't be told: nobody alike to compare with"
    if judged.empty:
        return "It is too early to tell what the errors of this period cost"
    worst = costliest(impact)
    if worst is None:
        return "No error cost you users beyond doubt"
    name = plain_markdown(error_name(worst["type"], worst["where"]))
    return f"{name} cost you about {counted(round(worst['excess']), 'user')}"


def costliest(impact: pd.DataFrame) -> pd.Series | None:
    """The row of `error_interval` that cost most users beyond doubt; None where none did."""
    judged = impact.dropna(subset=["excess"])
    costly = judged[proven(judged) & (judged["excess"] > 0)]
    return None if costly.empty else costly.loc[costly["excess"].idxmax()]


def proven(impact: pd.DataFrame) -> pd.Series:
    """Which effects of `error_interval` chance hardly explains, also among many errors.

    The interval of such an effect leaves 0 out. A visit or two are never enough: that none of ten
    controls left does not mean that nobody does.
    """
    enough = impact["visits"] - impact["unmatched"] >= MIN_VISITS
    return enough & (impact["q_value"] < 0.05)


def users_lost(impact: pd.DataFrame) -> float | None:
    """Users lost to the errors that cost some beyond doubt; None where no error can be judged."""
    judged = impact.dropna(subset=["excess"])
    if len(impact) and judged.empty:
        return None
    return float(judged["excess"][proven(judged) & (judged["excess"] > 0)].sum())


def why_untold(visits: float) -> str:
    """In place of the users lost, where so many visits could have been judged.

    There are some where nobody alike was found to compare them with.
    """
    return "can't be told" if visits else "too early to tell"


def not_judged(impact: pd.DataFrame) -> str:
    """Sentences about the errors without an effect beside those that have one; empty for none."""
    missing = impact["visits"][impact["excess"].isna()]
    early = int((missing == 0).sum())
    alone = len(missing) - early
    said = f" {early} more {'is' if early == 1 else 'are'} too early to tell." if early else ""
    return said + (f" {alone} more had nobody alike to compare with." if alone else "")


def leavers(frame: pd.DataFrame) -> str:
    """About the installs that left after an error."""
    if frame.empty:
        return "Nobody is known to have left after an error in this period"
    return f"{counted(len(frame), 'install')} left after an error"


def compared(impact: pd.DataFrame) -> str:
    """About how much of what `error_interval` is about could be judged."""
    visits, unmatched = impact["visits"].sum(), impact["unmatched"].sum()
    if not unmatched:
        return f"All {count(visits)} visits with an error could be compared with like ones"
    return (
        f"Of {count(visits)} visits with an error, {count(visits - unmatched)} could be compared "
        f"with like ones, {count(unmatched)} could not"
    )


def error_names(impact: pd.DataFrame) -> list[str]:
    """The errors of a table as a person would name them."""
    return [error_name(*pair) for pair in zip(impact["type"], impact["where"], strict=True)]


def error_name(type_: str, where: str) -> str:
    """An error as a person would name it: ConnectionError in suricata.install"""
    module, _, function = where.rpartition(":")
    place = f"{module.rpartition('.')[2]}.{function}" if module else function
    return f"{type_} in {place}"
