"""`python -m rtdb`: serve, export, import."""

import argparse
import asyncio
import contextlib
import logging
import sqlite3
import sys
from pathlib import Path

from rtdb.errors import Refusal
from rtdb.rules import DENY_ALL, Rules, parse_rules
from rtdb.server import serve
from rtdb.store import Store, StoreError

RULES_FILE = Path("database.rules.json")


def main() -> None:
    """Do what the command line says; leave with a sentence where that can't be done."""
    logging.basicConfig(format="rtdb: %(message)s", level=logging.WARNING)
    options = _parser().parse_args()
    try:
        store = Store(options.data)
        try:
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(serve(store, _rules(options.rules), options.host, options.port))
        finally:
            store.close()
    except (StoreError, OSError, sqlite3.Error) as error:
        sys.exit(f"rtdb: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("rtdb", description="A local Firebase Realtime Database.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one (%(default)s)")
    parser.add_argument("--data", type=Path, default=Path(".wald/rtdb"), help="folder for the data")
    parser.add_argument("--rules", type=Path, help=f"rules document (./{RULES_FILE} if it exists)")
    return parser


def _rules(file: Path | None) -> Rules:
    """The rules for namespaces that set none: nobody but the owner, where there is no file."""
    if file is None and not RULES_FILE.exists():
        return parse_rules(DENY_ALL)
    try:
        return parse_rules((file or RULES_FILE).read_bytes())
    except Refusal as refusal:
        raise StoreError(f"{file or RULES_FILE}: {refusal.sentence}") from None


if __name__ == "__main__":
    main()
