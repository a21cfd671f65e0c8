"""What errors cost against what was planted: does the interval cover it, who is blamed unjustly?

``python -m bench.churn --figure docs/churn.svg`` also draws the figure of docs/churn.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from bench._churn_figure import figure
from dashboard.analysis.errors import error_impact
from tests.dashboard.planted import ADVERSE, ERRORS, Error
from tests.dashboard.study import study, summary

PROJECTS, ADVERSE_PROJECTS = 240, 120
INSTALLS = 2_000
SEED = 1
_HEAD = "{:<40} {:>7} {:>8} {:>9} {:>8} {:>8} {:>7}"
_LINE = "{:<40} {:>7.0f} {:>8.1f} {:>9.1f} {:>8.1%} {:>8.1%} {:>7.0%}"


def main(figure_file: Path | None = None) -> None:
    """Run the simulation and print its table; draw the figure if a file is named."""
    ours = study(PROJECTS, INSTALLS, SEED)
    fixed = study(PROJECTS, INSTALLS, SEED, estimate=error_impact)
    adverse = study(ADVERSE_PROJECTS, INSTALLS, SEED, errors=ADVERSE)
    _print(f"error_interval.csv, {PROJECTS} projects of {INSTALLS:,} installs", ours, ERRORS)
    _print("error_impact.csv, the same projects", fixed, ERRORS)
    _print(f"where the assumptions fail, {ADVERSE_PROJECTS} projects", adverse, ADVERSE)
    if figure_file:
        blamed = {
            "a naive comparison": summary(ours, ERRORS)["naive"],
            "error_impact.csv": summary(fixed, ERRORS)["blamed"],
            "Wald's pages": summary(ours, ERRORS)["blamed"],
        }
        harmless = [error.name for error in ERRORS if error.harmless]
        figure_file.write_text(figure(ours, ERRORS, pd.DataFrame(blamed).loc[harmless]))


def _print(title: str, frame: pd.DataFrame, errors: tuple[Error, ...]) -> None:
    print(f"\n{title}")
    print(_HEAD.format("", "visits", "planted", "estimate", "covered", "blamed", "naive"))
    found = summary(frame, errors)
    for name, row in zip(found.index, found.itertuples(index=False), strict=True):
        print(_LINE.format(name, *row))
    covered = frame["planted"].between(frame["ci_low"], frame["ci_high"]).mean()
    print(f"all: {covered:.1%} covered")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figure", type=Path, metavar="FILE")
    main(parser.parse_args().figure)
