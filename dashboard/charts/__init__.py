"""Charts: tables to Plotly figures, in one look that works on light and dark ground.

A family of charts a file; the look of all of them is in ``theme``.
"""

from dashboard.charts.areas import stacked_shares
from dashboard.charts.bars import bars
from dashboard.charts.heat import heat_map
from dashboard.charts.intervals import intervals, shares_by_name, shares_over_time
from dashboard.charts.lines import lines
from dashboard.charts.names import mark
from dashboard.charts.over_time import above_and_below, bars_over_time
from dashboard.charts.ranges import ranges
from dashboard.charts.spark import sparkline
from dashboard.charts.steps import steps
from dashboard.charts.theme import ACCENT, FEW, GREY, LOSS, PALETTE, colours

__all__ = [
    "ACCENT",
    "FEW",
    "GREY",
    "LOSS",
    "PALETTE",
    "above_and_below",
    "bars",
    "bars_over_time",
    "colours",
    "heat_map",
    "intervals",
    "lines",
    "mark",
    "ranges",
    "shares_by_name",
    "shares_over_time",
    "sparkline",
    "stacked_shares",
    "steps",
]
