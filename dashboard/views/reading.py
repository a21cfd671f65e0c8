"""The warehouse as one page reads it: opened with its first question, closed when it is drawn."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import ibis

from dashboard.analysis.history import History
from dashboard.analysis.scope import Scope
from dashboard.warehouse import Snapshot, Warehouse


@dataclass
class Reading:
    """Its tables and histories, each made once: opening and describing them takes as long as
    most of the questions do."""

    warehouse: Warehouse
    until: ExitStack
    """Closes what was opened."""
    _snapshot: Snapshot | None = None
    _tables: dict[str, ibis.Table] = field(default_factory=dict)
    _histories: dict[Scope, History] = field(default_factory=dict)

    def table(self, name: str) -> ibis.Table:
        """A table by its name, whole."""
        if self._snapshot is None:
            self._snapshot = self.until.enter_context(self.warehouse.reading())
        if name not in self._tables:
            self._tables[name] = self._snapshot.table(name)
        return self._tables[name]

    def history(self, scope: Scope) -> History:
        """What it holds within a scope; what no period chooses is worked out once for all."""
        if scope not in self._histories:
            every = replace(scope, since=None, until=None)
            whole = self.history(every) if scope != every else None
            self._histories[scope] = History(scope, self.table, whole)
        return self._histories[scope]
