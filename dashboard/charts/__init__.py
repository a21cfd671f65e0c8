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
from dashboard.charts.parts import Part, parts_of_a_whole
from dashboard.charts.ranges import ranges
from dashboard.charts.spark import sparkline
from dashboard.charts.steps import steps
from dashboard.charts.survival import survival_curves
from dashboard.charts.theme import ACCENT, FEW, GREY, LOSS, PALETTE, colours
from dashboard.charts.timeline import Kind, install_timeline

__all__ = [
    "ACCENT",
    "FEW",
    "GREY",
    "LOSS",
    "PALETTE",
    "Kind",
    "Part",
    "above_and_below",
    "bars",
    "bars_over_time",
    "colours",
    "heat_map",
    "install_timeline",
    "intervals",
    "lines",
    "mark",
    "parts_of_a_whole",
    "ranges",
    "shares_by_name",
    "shares_over_time",
    "sparkline",
    "stacked_shares",
    "steps",
    "survival_curves",
]
