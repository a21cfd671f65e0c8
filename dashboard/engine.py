"""DuckDB as Ibis speaks to it, without doing twice what takes Ibis longest.

To put a question together and to write it as SQL takes Ibis ten times as long as DuckDB to answer
it, and a page asks dozens. So what was asked once, of whatever connection, is remembered as SQL;
and what many questions start from has a name on its connection, so that each is short, and the
same whatever the filters say.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from typing import Any, Literal

import ibis
from ibis.backends.duckdb import Backend
from ibis.expr import operations as ops

REMEMBERED = 2_000
"""Questions whose SQL is remembered, some kB each."""


@dataclass(frozen=True)
class Part:
    """What has a name on a connection, for the questions that start from it."""

    kind: Literal["TABLE", "VIEW"]
    name: str
    sql: str
    schema: ibis.Schema
    needs: tuple[Part, ...]
    """What the SQL reads, in the order in which it is made."""
    op: bytes = field(compare=False)
    """What Ibis made it of."""


@dataclass(frozen=True)
class Question:
    """SQL whose answer depends on nothing but the warehouse."""

    sql: str
    schema: ibis.Schema
    needs: tuple[Part, ...]


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
        self._parts: dict[str, Part] = {}
        self._made: dict[tuple[str, bytes], Part] = {}
        self._answers = 0

    def compile(
        self, expr: ibis.Expr, /, *, limit: Any = None, params: Any = None, pretty: bool = False
    ) -> str:
        """The SQL of an expression."""
        op = expr.op()
        if isinstance(op, ops.SQLQueryResult) and limit is None:
            return str(op.query)
        if params or pretty:
            sql: str = super().compile(expr, limit=limit, params=params, pretty=pretty)
            return sql
        return _written(pickle.dumps((op, limit)))

    def remember(self, key: Hashable, ask: Callable[[], Any]) -> Any:
        """Return what `ask` does, without calling it where its SQL is known.

        Remembered is a table that was put together without looking at what the warehouse holds;
        anything else is returned as it is. A table is to be worked out, not to be built upon.

        Args:
            key: of all that the question depends on, but for the warehouse.
        """
        known = _memory(key)
        for question in known:
            if all(map(self._ensure, question.needs)):
                return ops.SQLQueryResult(question.sql, question.schema, self).to_expr()
        answers = self._answers
        asked = ask()
        if isinstance(asked, ibis.Table) and self._answers == answers:
            known[:] = [Question(self.compile(asked), asked.schema(), self._read_by(asked))]
        return asked

    def view(self, table: ibis.Table, name: str) -> ibis.Table:
        """Give a table a name on this connection, without working it out.

        The same table has one name, whoever asks; of several by one name, each has a number.
        """
        named = isinstance(table.op(), ops.DatabaseTable)
        return table if named else self._part("VIEW", table, name)

    def keep(self, table: ibis.Table, name: str) -> ibis.Table:
        """Work a table out once, for all who ask; it stays as long as the connection."""
        return self._part("TABLE", table, name)

    def named(self, name: str, schema: ibis.Schema, catalog: str) -> ibis.Table:
        """A table that is there, of which it need not be asked what it looks like."""
        place = ops.Namespace(catalog=catalog, database="main")
        return ops.DatabaseTable(name, schema=schema, source=self, namespace=place).to_expr()

    def _part(self, kind: Literal["TABLE", "VIEW"], table: ibis.Table, name: str) -> ibis.Table:
        op = pickle.dumps(table.op())
        part = self._made.get((kind, op))
        if part is None:
            free = next(n for n in count(1) if f"{name}_{n}" not in self._parts)
            sql, needs = self.compile(table), self._read_by(table)
            part = Part(kind, f"{name}_{free}", sql, table.schema(), needs, op)
            self._make(part)
        return self.named(part.name, part.schema, "temp")

    def _read_by(self, table: ibis.Table) -> tuple[Part, ...]:
        read = {each.name for each in table.op().find(ops.DatabaseTable)}
        return tuple(part for name, part in self._parts.items() if name in read)

    def _ensure(self, part: Part) -> bool:
        """Make a part if it isn't there; whether it is then, and its name not another one's."""
        if part.name in self._parts:
            return self._parts[part.name] == part
        if not all(map(self._ensure, part.needs)):
            return False
        self._make(part)
        return True

    def _make(self, part: Part) -> None:
        if part.kind == "VIEW":
            self.con.execute(f"CREATE OR REPLACE TEMP VIEW {part.name} AS {part.sql}")
        else:
            types = self.compiler.type_mapper
            columns = ", ".join(f'"{n}" {types.to_string(t)}' for n, t in part.schema.items())
            # One that could not be filled, and so is no part, may lie there.
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {part.name} ({columns})")
            self.con.execute(f"INSERT INTO {part.name} {part.sql}")
        self._parts[part.name] = part
        self._made[part.kind, part.op] = part

    def _to_duckdb_relation(self, *args: Any, **kwargs: Any) -> Any:
        """What Ibis takes every answer from."""
        self._answers += 1
        return super()._to_duckdb_relation(*args, **kwargs)

    def _run_pre_execute_hooks(self, expr: ibis.Expr) -> None:
        """Spare the search for tables and functions of Python's: no expression has any."""


def forget() -> None:
    """Remember nothing: whatever is asked next is put together and written anew."""
    _memory.cache_clear()
    _written.cache_clear()


@lru_cache(REMEMBERED)
def _memory(key: Hashable) -> list[Question]:
    """Where the question with a key is remembered, of all connections: one, or none yet."""
    return []


@lru_cache(REMEMBERED)
def _written(asked: bytes) -> str:
    """The SQL of a pickled expression and limit.

    It follows from these bytes alone, so none can have that of another, whatever the connection.
    """
    op, limit = pickle.loads(asked)
    sql: str = Backend().compile(op.to_expr(), limit=limit)
    return sql
