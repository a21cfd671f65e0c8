"""Tables turned into the shape a chart wants; nothing is computed here."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from dashboard.words import count, day, percent, plain_label

TOP = 7
"""Series that get a colour of their own; the rest are drawn together."""

COMMON = 0.05
"""Share of a week's installs that makes a version one of those to be told apart."""

OTHERS = "rest"
REST = "others"
TRIANGLE = 26
"""Weeks that the retention triangle shows, down and across."""


def last_complete_week(as_of: date) -> date:
    """The Monday of the last week that is over."""
    return as_of - timedelta(days=as_of.weekday() + (0 if as_of.weekday() == 6 else 7))


def if_any(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table, or none of its rows where there is nothing but zeros in these columns."""
    return frame if frame[list(columns)].to_numpy().any() else frame.head(0)


def top_versions(adoption: pd.DataFrame, order: list[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Spread version adoption into week and a column a version, for the latest common ones.

    Returns the table, and the versions by their columns, oldest first. The columns have names of
    their own, since a version may be called anything; that of the others is `OTHERS`.
    """
    share = adoption["installs"] / adoption.groupby("week")["installs"].transform("sum")
    common = set(adoption["version"][share >= COMMON])
    most = set([name for name in order if name in common][:TOP])
    shown = [name for name in reversed(order) if name in most]
    columns = {name: f"version_{place}" for place, name in enumerate(shown)}
    named = adoption.assign(column=adoption["version"].map(columns).fillna(OTHERS))
    wide = named.pivot_table(
        index="week", columns="column", values="installs", aggfunc="sum", fill_value=0
    )
    names = {column: name for name, column in columns.items()}
    rest = {OTHERS: REST} if OTHERS in wide else {}
    return wide.reset_index(), rest | names


def triangle(retention: pd.DataFrame) -> tuple[pd.DataFrame, list[list[str]]]:
    """Spread retention into a row a cohort, the latest last, and the words of each cell."""
    shown = retention[retention["week"].between(1, TRIANGLE)]  # week 0 is always whole
    late = shown[shown["cohort"].isin(sorted(shown["cohort"].unique())[-TRIANGLE:])]
    labels = [
        f"{cohort:%-d %b} · {count(size)}"
        for cohort, size in zip(late["cohort"], late["size"], strict=True)
    ]
    late = late.assign(label=labels)
    order = late.drop_duplicates("label")["label"]
    cells = late.pivot(index="label", columns="week", values="share").reindex(order)
    cells = cells.dropna(axis="columns", how="all")
    said = {
        (row.label, row.week): f"{row.active:,.0f} of {row.size:,} ({percent(row.share)}) in week "
        f"{row.week} after {day(row.cohort)}"
        for row in late.dropna(subset=["active"]).itertuples()
    }
    hover = [[said.get((label, week), "") for week in cells.columns] for label in cells.index]
    return cells.astype(float), hover


def success_map(
    by_operation: pd.DataFrame,
) -> tuple[pd.DataFrame, list[list[str]], list[list[str]]]:
    """Spread success into a row a solution and a column an operation; each cell's long words, and
    its short ones."""
    named = by_operation.assign(operation=by_operation["operation"].fillna("(none)"))
    rated = named.groupby(["solution", "operation"], as_index=False).sum()
    rated["share"] = rated["succeeded"] / rated["attempts"]
    cells = rated.pivot(index="solution", columns="operation", values="share")
    order = rated.groupby("operation")["attempts"].sum().sort_values(ascending=False).index
    cells = cells[list(order)]
    said = {
        (row.solution, row.operation): f"{plain_label(row.operation)} of "
        f"{plain_label(row.solution)}: {row.succeeded:,} of {row.attempts:,} ended well "
        f"({percent(row.share)}), {row.installs:,} installs"
        for row in rated.itertuples()
    }
    short = {
        (row.solution, row.operation): f"{percent(row.share)}<br>of {count(row.attempts)}"
        for row in rated.itertuples()
    }

    def spread(words: dict[tuple[object, object], str]) -> list[list[str]]:
        return [[words.get((row, column), "") for column in cells.columns] for row in cells.index]

    return cells.astype(float), spread(said), spread(short)


def first_run_pair(row: pd.Series) -> pd.DataFrame:
    """The row of `first_run_errors` as two shares, the first with the interval of how far it
    lies from the second: value, judged, share, low, high."""
    judged, expected = row["installs"] - row["unmatched"], row["expected"]
    low, high = (expected + row[end] for end in ("ci_low", "ci_high"))
    return pd.DataFrame(
        [
            ("met an error", judged, row["share"], max(0.0, low), min(1.0, high)),
            ("met none", judged, expected, expected, expected),
        ],
        columns=["value", "judged", "share", "low", "high"],
    )
