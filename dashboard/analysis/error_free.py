"""How much of a version's use is free of errors."""

from __future__ import annotations

import ibis
from ibis import _

from dashboard.analysis.history import UNKNOWN, History


def error_free(history: History) -> ibis.Table:
    """version, installs, clean_installs, install_share, runs, clean_runs, run_share.

    - installs: with a report of the version in the period; clean: of these, those that reported
      no error on it
    - runs: run reports of the version; clean: those whose outcome is not ``error``

    Most installs first.
    """
    reports = history.in_period(history.filtered_reports(history.reports), "day")
    run = reports.kind == "run"
    of_install = reports.group_by("install", version=reports.version.fill_null(UNKNOWN)).agg(
        clean=~(reports.kind == "error").any(),
        runs=run.sum(),
        clean_runs=(run & (reports.outcome != "error").fill_null(True)).sum(),
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
