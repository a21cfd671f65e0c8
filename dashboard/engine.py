"""DuckDB as Ibis speaks to it, without doing twice what takes Ibis longest.

To write a question as SQL takes Ibis ten times as long as DuckDB to answer it, and a page asks
dozens. So what was written once is remembered, for all connections; and what many questions start
from has a name on its connection, so that each is short, and the same whatever the filters say.
"""

from __future__ import annotations

import pickle
from collections import Counter
from functools import lru_cache
from typing import Any

import ibis
from ibis.backends.duckdb import Backend
from ibis.expr import operations as ops

REMEMBERED = 2_000
"""Questions whose SQL is remembered, some kB each."""


class DuckDB(Backend):  # type: ignore[misc]
    """Ibis's backend, on DuckDB 2: it calls a method that DuckDB no longer has."""

    def get_schema(
        self, table_name: str, *, catalog: str | None = None, database: str | None = None
    ) -> ibis.Schema:
        """What a table's columns are called, and their types."""
        place = ".".join(f'"{part}"' for part in (catalog, database, table_name) if part)
        columns = self.con.execute(f"DESCRIBE {place}").fetchall()
        typed = self.compiler.type_mapper.from_string
        return ibis.schema({name: typed(kind, null == "YES") for name, kind, null, *_ in columns})


class Engine(DuckDB):
    """Ibis's DuckDB over one connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._views: dict[bytes, ibis.Table] = {}
        self._named: Counter[str] = Counter()

    def compile(
        self, expr: ibis.Expr, /, *, limit: Any = None, params: Any = None, pretty: bool = False
    ) -> str:
        """The SQL of an expression."""
        if params or pretty:
            sql: str = super().compile(expr, limit=limit, params=params, pretty=pretty)
            return sql
        return _written(pickle.dumps((expr.op(), limit)))

    def view(self, table: ibis.Table, name: str) -> ibis.Table:
        """Give a table a name on this connection, without working it out.

        The same table has one name, whoever asks; of several by one name, each has a number.
        """
        if isinstance(table.op(), ops.DatabaseTable):
            return table
        key = pickle.dumps(table.op())
        if key not in self._views:
            self._views[key] = self._make("VIEW", table, name)
        return self._views[key]

    def keep(self, table: ibis.Table, name: str) -> ibis.Table:
        """Work a table out once, for all who ask; it stays as long as the connection."""
        return self._make("TABLE", table, name)

    def named(self, name: str, schema: ibis.Schema, catalog: str) -> ibis.Table:
        """A table that is there, of which it need not be asked what it looks like."""
        place = ops.Namespace(catalog=catalog, database="main")
        return ops.DatabaseTable(name, schema=schema, source=self, namespace=place).to_expr()

    def _make(self, kind: str, table: ibis.Table, name: str) -> ibis.Table:
        self._named[name] += 1
        numbered, schema = f"{name}_{self._named[name]}", table.schema()
        if kind == "VIEW":
            self.con.execute(f"CREATE TEMP VIEW {numbered} AS {self.compile(table)}")
        else:
            types = self.compiler.type_mapper
            columns = ", ".join(f'"{n}" {types.to_string(t)}' for n, t in schema.items())
            self.con.execute(f"CREATE TEMP TABLE {numbered} ({columns})")
            self.con.execute(f"INSERT INTO {numbered} {self.compile(table)}")
        return self.named(numbered, schema, "temp")

    def _run_pre_execute_hooks(self, expr: ibis.Expr) -> None:
        """Spare the search for tables and functions of Python's: no expression has any."""


@lru_cache(REMEMBERED)
def _written(asked: bytes) -> str:
    """The SQL of a pickled expression and limit.

    It follows from these bytes alone, so none can have that of another, whatever the connection.
    """
    op, limit = pickle.loads(asked)
    sql: str = Backend().compile(op.to_expr(), limit=limit)
    return sql
