"""What of the reports is missing or came late, as far as it can be known.

Who said no sends nothing, not even that: the share of users who opted in can't be known.
"""

from __future__ import annotations

from dataclasses import replace

import ibis
from ibis import _

from dashboard.analysis.calendar import filled, weeks
from dashboard.analysis.history import History


def loss_account(history: History) -> ibis.Table:
    """week, installs, reports, dropped, late, ci, dropped_share, late_share, ci_share.

    - reports: that arrived, runs by CI services among them; installs: that sent them
    - dropped: that clients say they lost before, counted in the week of the report that says so;
      its share is of the reports that arrived and these
    - late: received more than a day after they happened
    - ci: from CI services
    """
    everything = History(replace(history.scope, ci=True), history.stored)
    counted = history.in_period(_counted(everything), "week", "W")
    frame = history.in_period(filled(counted, weeks(everything)), "week", "W")
    arrived = frame.reports.nullif(0)
    return frame.select(
        *("week", "installs", "reports", "dropped", "late", "ci"),
        dropped_share=frame.dropped / (frame.reports + frame.dropped).nullif(0),
        late_share=frame.late / arrived,
        ci_share=frame.ci / arrived,
    ).order_by("week")


def _counted(history: History) -> ibis.Table:
    """The counts by week, of the weeks with any."""
    if not (history.scope.filtered or history.scope.ignores_later):
        return history.counts("losses")
    visits = history.filtered_visits.group_by("week")
    return visits.agg(
        installs=_.install.nunique(),
        reports=_.reports.sum(),
        dropped=_.dropped.sum(),
        late=_.late.sum(),
        ci=_.by_ci.sum(),
    )
