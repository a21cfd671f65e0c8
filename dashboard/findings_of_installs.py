"""What the reports of one install say. Markdown, safe to show."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.findings import error_name
from dashboard.words import count, day, plain_markdown

OUTCOMES = {"ok": "ended well", "error": "ended with an error", "cancelled": "cancelled"}


def life(reports: pd.DataFrame, silences: pd.DataFrame) -> str:
    """About the rows of `timeline` and `silences`: how it went, and whether it is still there."""
    crashes = reports[reports["kind"] == "error"]
    days = reports["at"].dt.normalize().nunique()
    said = f"Here on {count(days)} {'day' if days == 1 else 'days'}"
    said += f" since {day(reports['at'].iloc[-1])}"
    said += f", {count(len(crashes))} crashes" if len(crashes) != 1 else ", 1 crash"
    gone = silences[~silences["returned"].astype(bool)]
    if gone.empty:
        return f"{said}, last seen on {day(reports['at'].iloc[0])}"
    said += f"; silent since {day(gone['since'].iloc[-1])}"
    last = reports.iloc[0]
    if last["kind"] != "error":
        return said
    name = plain_markdown(error_name(str(last["type"]), str(last["where"])))
    return f"{said}, after {name}"


def dots(reports: pd.DataFrame) -> pd.DataFrame:
    """The rows of `timeline` as a chart wants them: at, row, said, kind."""
    rows = reports.to_dict("records")
    return pd.DataFrame(
        {
            "at": reports["at"],
            "row": [_told(row["operation"], "(no operation)") for row in rows],
            "kind": [_kind(row) for row in rows],
            "said": [_said(row) for row in rows],
        }
    )


def _kind(row: dict[Any, Any]) -> str:
    if row["kind"] == "error":
        return "crashed"
    return OUTCOMES.get(_told(row["outcome"], ""), "no outcome told")


def _said(row: dict[Any, Any]) -> str:
    parts = [_told(row["operation"], "(no operation)"), _told(row["solution"], "")]
    if row["kind"] == "error":
        parts.append(error_name(_told(row["type"], "error"), _told(row["where"], "")))
    if pd.notna(row["duration_ms"]):
        parts.append(f"{row['duration_ms'] / 1000:,.1f} s")
    parts += [_told(row["version"], ""), _told(row["os"], ""), "CI" if row["ci"] else ""]
    return " · ".join(part for part in parts if part)


def _told(value: object, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise
