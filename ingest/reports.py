"""Judging reports: which are taken, and why the others are not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ingest.body import Refused
from ingest.schema import InvalidReport, decode_batch, decode_report

MAX_AHEAD = timedelta(minutes=10)
"""A report's time may be this far ahead of ours; clocks drift."""

MAX_AGE = timedelta(days=31)
"""A report's time may lie this far back; spools keep reports for 30 days."""


def judge(body: bytes, arrived: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Divide a request's reports into those to store and those refused.

    Returns the valid ones, each with a believable time, and for the others
    ``{"index": place in the request, "reason": field and rule}``.

    Raises:
        Refused: 400, the body is not JSON or not the schema.
    """
    try:
        batch = decode_batch(body)
    except InvalidReport as error:
        raise Refused(400, str(error)) from error
    accepted, rejected = [], []
    for index, raw in enumerate(batch.reports):
        try:
            accepted.append(with_believable_time(decode_report(raw).stored(), arrived))
        except InvalidReport as error:
            rejected.append({"index": index, "reason": str(error)})
    return accepted, rejected


def with_believable_time(report: dict[str, Any], arrived: datetime) -> dict[str, Any]:
    """Set a time that no working clock would tell to the time of arrival."""
    now = int(arrived.timestamp() * 1000)
    ahead, age = (int(span.total_seconds() * 1000) for span in (MAX_AHEAD, MAX_AGE))
    if not now - age <= report["time"] <= now + ahead:
        return {**report, "time": now}
    return report
