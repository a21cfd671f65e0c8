"""A namespace as JSON, in the form in which the hosted database's console exports and imports."""

from typing import IO

from rtdb.index import CATCH_UP_ROWS
from rtdb.keys import check_key, encode
from rtdb.pieces import Pieces
from rtdb.read import View
from rtdb.rules import Rules
from rtdb.store import Namespaces, Store, transaction
from rtdb.write import Writer


def export_json(store: Store, rules: Rules, name: str, file: IO[bytes]) -> None:
    """Write all of a namespace, as of one moment, also while a server is using the folder."""
    store.db.execute("BEGIN")
    namespace = Namespaces(store.db, rules, reindex=False).find(name)
    for piece in View(store.db).json(encode(namespace.root, ())):
        file.write(piece)
    file.write(b"\n")
    store.db.execute("ROLLBACK")


def import_json(store: Store, rules: Rules, name: str, file: IO[bytes]) -> None:
    """Replace all of a namespace by what is in `file`, or change nothing if that is refused."""
    with transaction(store.db):
        writer = Writer(View(store.db), Namespaces(store.db, rules))
        pieces = Pieces(file).read()
        writer.replace(name, (), ((tuple(map(check_key, path)), value) for path, value in pieces))
    while writer.lag:
        with transaction(store.db):
            writer.catch_up(CATCH_UP_ROWS)
    store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
