"""How much of a version's use is free of errors."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import History
from dashboard.schema import UNKNOWN


def error_free(history: History) -> ibis.Table:
    """version, installs, clean_installs, install_share, runs, clean_runs, run_share.

    - installs: with a visit on the version in the period; clean: of these, those whose visits on
      it hold no error
    - runs: of these visits; clean: those whose outcome is not ``error``

    Most installs first.
    """
    visits = history.shown_visits
    of_install = visits.group_by("install", version=visits.version.fill_null(UNKNOWN)).agg(
        clean=~(visits.errors > 0).any(),
        runs=visits.runs.sum(),
        clean_runs=(visits.runs - visits.failed_runs).sum(),
    )
    counted = of_install.group_by("version").agg(
        installs=_.count(),
        clean_installs=_.clean.sum(),
        install_share=_.clean.mean(),
        runs=_.runs.sum(),
        clean_runs=_.clean_runs.sum(),
    )
    frame = counted.mutate(run_share=_.clean_runs / _.runs.nullif(0))
    return frame.order_by(ibis.desc("installs"), "version")
