"""What is remembered of one question is never the answer to another."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import pytest
from ibis import _
from ibis.backends.duckdb import Backend

from dashboard import engine, tables
from dashboard.analysis.choices import metric_choices
from dashboard.analysis.engines import frame_of
from dashboard.analysis.fates import error_fates
from dashboard.analysis.history import History
from dashboard.analysis.installs import active_installs, new_installs
from dashboard.analysis.one_error import affected_installs
from dashboard.analysis.one_time import one_time
from dashboard.analysis.platforms import metric_values, os_families, os_spread, version_adoption
from dashboard.analysis.recent import version_shifts
from dashboard.analysis.releases import releases
from dashboard.analysis.scope import Scope
from dashboard.analysis.survival import matched_sample
from dashboard.analysis.won_back import won_back
from dashboard.engine import DuckDB, Engine
from dashboard.views.reading import Reading
from dashboard.warehouse import Warehouse
from tests.dashboard.histories import ERRORS, FIRST, fill, ms, random_reports
from tests.dashboard.rows import Rows, near, ordered, rows_of

MONDAY = FIRST + timedelta(days=4)
LAST = MONDAY + timedelta(days=6)
ERROR = ERRORS[0][0]
SCOPE = Scope("tool", LAST, LAST, last_report=LAST)


def runs(installs: range, version: str, app: str = "tool", system: str = "Linux") -> list[Any]:
    """A run of each install on the first day and on the last."""
    return [
        {
            "id": f"{install:016x}{day.toordinal():016x}",
            **{"app": app, "install": f"{install:032x}", "kind": "run", "time": ms(day)},
            "metrics": {"package_version": version, "os": system},
        }
        for install in installs
        for day in (MONDAY, LAST)
    ]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Three installs on version 1, two of them on Darwin; four on version 2."""
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    fill(
        warehouse,
        [
            *runs(range(2), "1", system="Darwin"),
            *runs(range(2, 3), "1"),
            *runs(range(3, 7), "2"),
            *runs(range(20, 29), "1", app="other"),
        ],
    )
    return warehouse


def test_an_engine_without_names_answers_the_same(warehouse: Warehouse) -> None:
    plain = DuckDB().connect(warehouse.path, read_only=True)
    history = History(replace(SCOPE, versions=("1",)), plain.table)
    assert rows_of(new_installs(history))[0] == (MONDAY, 3)
    assert rows_of(active_installs(history))[-1] == (LAST, 3, 3, 3)
    assert rows_of(version_adoption(history)) == [(MONDAY, "1", 3)]
    assert [row[::2] for row in rows_of(os_spread(history))] == [("Darwin", 2), ("Linux", 1)]
    plain.disconnect()


def test_scopes_in_turn_on_one_connection(warehouse: Warehouse) -> None:
    with warehouse.reading() as snapshot:
        every = History(SCOPE, snapshot.table)
        first = History(replace(SCOPE, versions=("1",)), snapshot.table)
        second = History(replace(SCOPE, versions=("2",)), snapshot.table)
        other = History(replace(SCOPE, app="other"), snapshot.table)
        ended = first.within(MONDAY, MONDAY + timedelta(days=1))
        for _again in range(2):
            found = [
                rows_of(version_adoption(history))
                for history in (second, every, first, other, ended)
            ]
            assert found == [
                [(MONDAY, "2", 4)],
                [(MONDAY, "1", 3), (MONDAY, "2", 4)],
                [(MONDAY, "1", 3)],
                [(MONDAY, "1", 9)],
                [(MONDAY, "1", 3)],
            ]
            assert [rows_of(active_installs(history))[-1][1:] for history in (first, second)] == [
                (3, 3, 3),
                (4, 4, 4),
            ]
            assert [len(rows_of(new_installs(history))) for history in (ended, first)] == [2, 7]


def test_every_filter_has_its_own_answer(warehouse: Warehouse) -> None:
    """Each on a connection of its own, as pages ask, and each of the same shape as another."""
    for chosen, installs in (
        ({"versions": ("1",)}, 3),
        ({"versions": ("2",)}, 4),
        ({"versions": ("1", "2")}, 7),
        ({"systems": ("Darwin",)}, 2),
        ({"systems": ("Linux",)}, 5),
        ({"metrics": (("os", ("Darwin",)),)}, 2),
        ({"metrics": (("os", ("Linux",)),)}, 5),
        ({"metrics": (("package_version", ("2",)),)}, 4),
    ):
        with warehouse.reading() as snapshot:
            history = History(replace(SCOPE, **chosen), snapshot.table)
            assert rows_of(active_installs(history))[-1][-1] == installs
            assert sum(row[2] for row in rows_of(os_spread(history))) == installs
            assert rows_of(one_time(history))[0][1] == installs


def test_each_connection_answers_of_its_own_warehouse(warehouse: Warehouse, tmp_path: Path) -> None:
    another = Warehouse(tmp_path / "another.duckdb")
    fill(another, runs(range(20), "3"))
    with warehouse.reading() as one, another.reading() as two:
        scopes = [History(SCOPE, snapshot.table) for snapshot in (one, two, one)]
        assert [rows_of(version_adoption(history)) for history in scopes] == [
            [(MONDAY, "1", 3), (MONDAY, "2", 4)],
            [(MONDAY, "3", 20)],
            [(MONDAY, "1", 3), (MONDAY, "2", 4)],
        ]


def test_a_warehouse_that_changed_answers_anew(warehouse: Warehouse) -> None:
    asked: list[Rows] = []
    for more in (range(0), range(7, 12)):
        fill(warehouse, runs(more, "2"))
        with warehouse.reading() as snapshot:
            history = History(replace(SCOPE, versions=("2",)), snapshot.table)
            asked.append(rows_of(version_adoption(history)))
    assert asked == [[(MONDAY, "2", 4)], [(MONDAY, "2", 9)]]


def test_threads_do_not_mix(warehouse: Warehouse) -> None:
    """Eight at once, whose questions differ in nothing but their filter."""
    engine.forget()

    def ask(version: str) -> Rows:
        with warehouse.reading() as snapshot:
            history = History(replace(SCOPE, versions=(version,)), snapshot.table)
            return rows_of(version_adoption(history))

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, ["1", "2"] * 12))
    assert found == [[(MONDAY, "1", 3)], [(MONDAY, "2", 4)]] * 12


Told = Callable[..., ibis.Table | pd.DataFrame]

TOLD: list[tuple[Told, tuple[str, ...]]] = [
    *((table.build, table.about) for table in tables._FIXED),
    *((metric_values, (name,)) for name in ("os", "package_version")),
    *((told, ()) for told in (metric_choices, os_families, releases, version_shifts)),
    *((told, (ERROR,)) for told in (affected_installs, error_fates, matched_sample, won_back)),
]


@pytest.mark.parametrize("seed", range(2))
def test_what_was_asked_before_is_answered_of_what_is_there_now(tmp_path: Path, seed: int) -> None:
    """In any order, in any scope, on any connection; as if nothing were remembered."""
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    reports = random_reports(seed, installs=40, days=60)
    end = FIRST + timedelta(days=60)
    scope = Scope("tool", end, end, last_report=end)
    scopes = [
        scope,
        replace(scope, versions=("1.0",)),
        replace(scope, systems=("Linux",), since=FIRST + timedelta(days=9)),
    ]
    draw = random.Random(seed)
    engine.forget()
    for known in (reports[::2], reports[1::2]):
        fill(warehouse, known)
        questions = [(scope, *told) for scope in scopes for told in TOLD]
        draw.shuffle(questions)
        with ExitStack() as until:
            page = Reading(warehouse, until)
            remembered = [
                frame_of(told, page.history(scope), *about) for scope, told, about in questions
            ]
        with warehouse.reading() as snapshot:
            for (scope, told, about), found in zip(questions, remembered, strict=True):
                anew = told(History(scope, snapshot.table), *about)
                assert ordered(rows_of(found)) == near(rows_of(anew)), (told, scope)


def test_what_looks_at_the_data_is_not_remembered(warehouse: Warehouse) -> None:
    engine.forget()
    put_together: list[str] = []

    def visits(history: History) -> ibis.Table:
        put_together.append("visits")
        return history.visits.agg(n=_.count())

    def visits_of_the_last_day(history: History) -> ibis.Table:
        put_together.append("of the last day")
        last_day = history.visits.day.max().to_pyarrow().as_py()
        return history.visits.filter(_.day == last_day).agg(n=_.count())

    asked: list[Rows] = []
    for more in (range(0), range(7, 12)):
        fill(warehouse, runs(more, "2"))
        with warehouse.reading() as snapshot:
            history = History(SCOPE, snapshot.table)
            asked += [rows_of(frame_of(said, history)) for said in (visits, visits_of_the_last_day)]
    assert asked == [[(14,)], [(7,)], [(24,)], [(12,)]]
    assert put_together == ["visits", "of the last day", "of the last day"]


def test_a_table_that_could_not_be_kept_is_no_obstacle() -> None:
    connection = Engine().connect()
    connection.raw_sql("CREATE TABLE t AS SELECT unnest(['1', 'two']) AS a")
    table = connection.table("t")
    with pytest.raises(duckdb.ConversionException):
        connection.keep(table.mutate(a=_.a.cast("int64")), "some")
    assert rows_of(connection.keep(table, "some")) == [("1",), ("two",)]


def test_a_name_that_is_taken_is_not_read(warehouse: Warehouse) -> None:
    """Two connections gave one name to two tables; a third one asks of both."""
    engine.forget()
    chosen = [replace(SCOPE, versions=(version,)) for version in ("1", "2")]
    installs = []
    for scopes in ([chosen[0]], [chosen[1]], chosen, chosen[::-1]):
        with warehouse.reading() as snapshot:
            installs += [
                frame_of(active_installs, History(scope, snapshot.table))["active_30"].iloc[-1]
                for scope in scopes
            ]
    assert installs == [3, 4, 3, 4, 4, 3]


ASKED: dict[str, Callable[[ibis.Table], ibis.Table]] = {
    "text": lambda t: t.filter(_.b == "1"),
    "number": lambda t: t.filter(_.a == 1),
    "truth": lambda t: t.filter((_.a == 1) == ibis.literal(True)),
    "small": lambda t: t.mutate(c=ibis.literal(1, "int8")),
    "large": lambda t: t.mutate(c=ibis.literal(1, "int64")),
    "float": lambda t: t.mutate(c=ibis.literal(1.0)),
    "less": lambda t: t.mutate(c=ibis.literal(-0.0)),
    "more": lambda t: t.mutate(c=ibis.literal(0.0)),
    "day": lambda t: t.mutate(c=ibis.literal(date(2026, 1, 1))),
    "name": lambda t: t.mutate(d=ibis.literal(date(2026, 1, 1))),
    "few": lambda t: t.limit(1),
    "many": lambda t: t.limit(2),
}


def test_what_is_remembered_is_what_ibis_writes() -> None:
    """Of questions that Python itself takes for equal, too."""
    first, second = Engine().connect(), Engine().connect()
    plain = DuckDB().connect()
    for connection in (first, second, plain):
        connection.raw_sql("CREATE TABLE t (a INTEGER, b VARCHAR)")
    for again in (first, second, first):
        for ask in ASKED.values():
            assert again.compile(ask(again.table("t"))) == plain.compile(ask(plain.table("t")))
    assert isinstance(plain, Backend)


def test_a_view_is_made_once_and_is_of_one_table() -> None:
    connection = Engine().connect()
    connection.raw_sql("CREATE TABLE t AS SELECT unnest([1, 2, 3]) AS a")
    table = connection.table("t")
    low, high = (connection.view(t, "some") for t in (table.filter(_.a < 2), table.filter(_.a > 1)))
    assert [low.get_name(), high.get_name()] == ["temp.main.some_1", "temp.main.some_2"]
    assert [rows_of(low), rows_of(high)] == [[(1,)], [(2,), (3,)]]
    assert connection.view(table.filter(_.a < 2), "some").equals(low)
    assert connection.view(low, "another").equals(low)
    kept = connection.keep(high, "some")
    connection.raw_sql("INSERT INTO t VALUES (4)")
    assert [rows_of(high), rows_of(kept)] == [[(2,), (3,), (4,)], [(2,), (3,)]]


def test_stored_tables_look_as_their_schema_says(warehouse: Warehouse) -> None:
    with warehouse.reading() as snapshot:
        names = [name for (name,) in snapshot.connection.raw_sql("SHOW TABLES").fetchall()]
        assert {"visits", "cells", "profiles"} <= set(names)
        for name in names:
            said = snapshot.connection.get_schema(name, catalog="warehouse", database="main")
            assert snapshot.table(name).schema() == said
