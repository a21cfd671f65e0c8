"""Judging reports: which are taken, and why the others are not."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from ingest.body import Refused
from ingest.schema import InvalidReport, Report, decode_batch, decode_report

MAX_AHEAD = timedelta(minutes=10)
"""A report's time may be this far ahead of ours; clocks drift."""

MAX_AGE = timedelta(days=31)
"""A report's time may lie this far back; spools keep reports for 30 days."""

_MAX_AHEAD_MS = MAX_AHEAD // timedelta(milliseconds=1)
_MAX_AGE_MS = MAX_AGE // timedelta(milliseconds=1)


def judge(body: bytes, arrived: datetime) -> tuple[dict[int, Report], dict[int, str]]:
    """Divide a request's reports into those to store and those refused.

    Returns both by their place in the request: the valid ones, each with a believable time, and
    for the others the reason, which names field and rule.

    Raises:
        Refused: 400, the body is not JSON or not the schema.
    """
    try:
        batch = decode_batch(body)
    except InvalidReport as error:
        raise Refused(400, str(error)) from error
    now = int(arrived.timestamp() * 1000)
    accepted, refused = {}, {}
    for index, raw in enumerate(batch.reports):
        try:
            accepted[index] = _with_believable_time(decode_report(raw), now)
        except InvalidReport as error:
            refused[index] = str(error)
    return accepted, refused


def _with_believable_time(report: Report, now: int) -> Report:
    """Set a time that no working clock would tell to the time of arrival, ms UTC."""
    if now - _MAX_AGE_MS <= report.time <= now + _MAX_AHEAD_MS:
        return report
    return replace(report, time=now)
