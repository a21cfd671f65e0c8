"""The headline numbers beside those of the period before."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
from ibis import _

from dashboard.analysis.headline import headline
from dashboard.analysis.history import History

SHARES = {"one_time_share": ("one_time", "judged"), "clean_share": ("clean_visits", "visits")}
"""Which headline numbers each share is of."""


def compared(history: History) -> pd.DataFrame:
    """number, now, before, change: of a period with both ends, and of as many days before it.

    The numbers are those of `headline` and the shares among them. `change` is relative for
    counts (0.1: a tenth more), now − before for shares. `before` and `change` are missing where
    that period began before the first visit ever, or has no such number.
    """
    since, until = history.scope.since, history.scope.until
    if since is None or until is None:
        raise ValueError("only a period with both ends can be compared: set Scope.since and until")
    earlier = since - (until - since) - timedelta(days=1)
    first = history.visits.agg(first=_.day.min()).to_pandas()["first"].iloc[0]
    now = _numbers(history)
    before = pd.Series(float("nan"), index=now.index)
    if pd.notna(first) and pd.Timestamp(first) <= pd.Timestamp(earlier):
        before = _numbers(history.within(earlier, since - timedelta(days=1)))
    share = now.index.isin(list(SHARES))
    change = (now / before.where(before != 0) - 1).where(~share, now - before)
    columns = {"number": now.index, "now": now, "before": before, "change": change}
    return pd.DataFrame(columns).reset_index(drop=True)


def _numbers(history: History) -> pd.Series:
    counts = headline(history).to_pandas().iloc[0].astype(float)
    shares = {
        name: counts[part] / counts[base] if counts[base] else float("nan")
        for name, (part, base) in SHARES.items()
    }
    return pd.concat([counts, pd.Series(shares)])
