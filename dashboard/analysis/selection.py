"""What period and filters choose of installs' lives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import ibis
from ibis import _
from ibis import literal as lit

from dashboard.analysis.engines import kept, named
from dashboard.analysis.gaps import between_deployments, between_visits
from dashboard.analysis.records import Records
from dashboard.schema import UNKNOWN

LOOK_BACK = timedelta(days=50)
"""How far before a period lie the visits that tell who is active in it, or was the week before."""

_CHOSEN = (
    *("day", "week", "week_gap", "next_day", "next_gap", "next_week_gap"),
    *("version", "profile"),
)
_CHOSEN_RUNS = (
    *("install", "day", "week", "task", "succeeded"),
    *("gap", "week_gap", "solution_gap", "solution_week_gap"),
)


@dataclass(frozen=True)
class Selection(Records):
    """The visits and deployments that are shown of an app."""

    @cached_property
    def filtered_visits(self) -> ibis.Table:
        """The visits that the filters choose; the gaps are those of the whole life."""
        return named(self._filtered(self.visits), "filtered_visits")

    @cached_property
    def filtered_exposures(self) -> ibis.Table:
        """The exposures that the filters choose."""
        return named(self._filtered(self.exposures), "filtered_exposures")

    @cached_property
    def shown_visits(self) -> ibis.Table:
        """The visits that period and filters choose; the gaps are those of the whole life."""
        return named(self.in_period(self.filtered_visits, "day"), "shown_visits")

    @cached_property
    def shown_exposures(self) -> ibis.Table:
        """The exposures that period and filters choose."""
        return named(self.in_period(self.filtered_exposures, "day"), "shown_exposures")

    def met(self, fingerprint: str | None = None) -> ibis.Table:
        """`shown_exposures`; where an error is named, to that one alone."""
        if fingerprint is None:
            return self.shown_exposures
        return self.shown_exposures.filter(_.fingerprint == fingerprint)

    @cached_property
    def chosen_visits(self) -> ibis.Table:
        """The visits that the filters choose: day, week, is_new (in the week of the
        install's first visit), week_gap, next_day, next_gap, next_week_gap, version, profile.

        The gaps are those between them. What lies more than `LOOK_BACK` before the period is left
        out, and gaps back to it are null as if there were none.
        """
        visits = self.filtered_visits
        if self.scope.since:
            visits = visits.filter(_.day >= lit(self.scope.since - LOOK_BACK))
        chosen = visits.select("install", *_CHOSEN, is_new=_.week == _.first_week)
        if self.scope.only_systems:
            # Most installs come on one OS alone: their gaps are as they stand.
            several = self._on_several_systems()
            mixed = between_visits(chosen.semi_join(several, "install"), self.profiles)
            told = chosen.anti_join(several, "install").drop("install").union(mixed)
        elif self.scope.filtered:
            told = between_visits(chosen, self.profiles)
        else:
            told = chosen.drop("install")
        return named(told, "chosen_visits")

    @cached_property
    def filtered_deployments(self) -> ibis.Table:
        """Of `deployments`, those that the filters choose, each by what it tells itself."""
        chosen, scope = self.deployments, self.scope
        if scope.filtered and not scope.only_solutions:
            profiles = self._of_profiles(self.profiles).select("profile")
            chosen = chosen.inner_join(profiles, "profile")
        if scope.solutions:
            chosen = chosen.inner_join(self._named.select("task"), "task")
        return named(chosen, "filtered_deployments")

    @cached_property
    def chosen_deployments(self) -> ibis.Table:
        """The same, of the weeks that the period touches: install, day, week, task, succeeded and
        the gaps, which are those between them.

        Gaps back to before these weeks may be null, as if there were none.
        """
        chosen = self.in_period(self.filtered_deployments, "week", "W").select(*_CHOSEN_RUNS)
        if not self.scope.filtered or self.scope.only_solutions:
            return chosen
        if self.scope.versions:  # most installs come on several
            return between_deployments(chosen, self.tasks)
        # Where an install never changed what the filters ask, the gaps are those that stand there.
        several = self._with_some_left_out() if self.scope.metrics else self._on_several_systems()
        mixed = between_deployments(chosen.semi_join(several, "install"), self.tasks)
        return chosen.anti_join(several, "install").union(mixed)

    def _filtered(self, visits: ibis.Table) -> ibis.Table:
        """The visits (or exposures) that the filters choose: by their profile, and by what they
        hold.

        A visit is of each solution that a report of its day names.
        """
        visits = self._of_profiles(visits)
        if not self.scope.solutions:
            return visits
        named = self.bundles.select("bundle", solution=_.solutions.unnest())
        return visits.semi_join(named.filter(_.solution.isin(self.scope.solutions)), "bundle")

    def _of_profiles(self, table: ibis.Table) -> ibis.Table:
        """The rows whose version, OS and metrics are among those shown."""
        scope = self.scope
        if scope.versions:
            table = table.filter(table.version.fill_null(UNKNOWN).isin(scope.versions))
        if scope.systems:
            table = table.filter(table.os.fill_null(UNKNOWN).isin(scope.systems))
        if scope.metrics:
            # DuckDB joins faster than it semi-joins, where the keys are numbers side by side.
            told = [self.profiles.metrics.get(name).isin(values) for name, values in scope.metrics]
            table = table.inner_join(self.profiles.filter(*told).select("profile"), "profile")
        return table

    @cached_property
    def _named(self) -> ibis.Table:
        """The tasks of the solutions chosen."""
        return self.tasks.filter(_.solution.isin(self.scope.solutions))

    def _with_some_left_out(self) -> ibis.Table:
        """install: those with a deployment, in the weeks that the period touches, which the filters
        of OS and metrics leave out."""
        chosen = self._of_profiles(self.profiles).select("profile")
        runs = self.in_period(self.deployments, "week", "W")
        others = runs.anti_join(chosen, "profile").select("install").distinct()
        return kept(others, "with_some_left_out")

    def _on_several_systems(self) -> ibis.Table:
        return self.stored("several_os")
