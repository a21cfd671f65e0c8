"""What an engine does for the tables that are asked for often, where it knows how."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING

import ibis
import pandas as pd
from ibis.util import gen_name

if TYPE_CHECKING:
    from dashboard.analysis.history import History


def frame_of(
    analysis: Callable[..., ibis.Table | pd.DataFrame], history: History, *about: Hashable
) -> pd.DataFrame:
    """What an analysis says of a history, worked out.

    Where the engine knows how, what was asked of the same scope before is not put together anew.

    Args:
        analysis: one that depends on nothing but what it is given. If it looks at the data while
            it is put together, it has to each time: no property of a history may keep that.
        about: what else it takes: a fingerprint, an install.
    """
    engine = history.stored("visits").get_backend()
    ask = partial(analysis, history, *about)
    if hasattr(engine, "remember"):
        whole = history.whole and history.whole.scope
        said = engine.remember((analysis, history.scope, whole, about), ask)
    else:
        said = ask()
    return said if isinstance(said, pd.DataFrame) else as_frame(said)


def as_frame(table: ibis.Table) -> pd.DataFrame:
    """A table, worked out.

    By Arrow's own way to pandas: Ibis's looks at each column twice, and at text row by row.
    """
    frame: pd.DataFrame = table.to_pyarrow().to_pandas(date_as_object=False)
    return frame


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
