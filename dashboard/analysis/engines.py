"""What an engine does for the tables that are asked for often, where it knows how."""

from __future__ import annotations

import ibis
from ibis.util import gen_name


def named(table: ibis.Table, name: str) -> ibis.Table:
    """Give a table a name, so that what starts from it is short, whatever the filters say.

    That spares time where the engine knows how, see `dashboard.engine`; others do without.
    """
    engine = table.get_backend()
    view: ibis.Table = engine.view(table, name) if hasattr(engine, "view") else table
    return view


def kept(table: ibis.Table, name: str) -> ibis.Table:
    """Work a table out once, for all who ask; it stays as long as the connection."""
    engine = table.get_backend()
    if hasattr(engine, "keep"):
        temporary: ibis.Table = engine.keep(table, name)
        return temporary
    return engine.create_table(gen_name(name), table, temp=True)
