"""`python -m rtdb`: serve, export, import."""

import argparse
import asyncio
import contextlib
import logging
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from rtdb.errors import Refusal
from rtdb.request import DEFAULT_NAMESPACE
from rtdb.rules import DENY_ALL, Rules, parse_rules
from rtdb.server import listen, server_for
from rtdb.store import Store, StoreError
from rtdb.transfer import export_json, import_json

log = logging.getLogger("rtdb")
RULES_FILE = Path("database.rules.json")


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says; leave with a sentence where that can't be done."""
    logging.basicConfig(format="rtdb: %(message)s", level=logging.WARNING)
    words = sys.argv[1:] if arguments is None else arguments
    command = words.pop(0) if words and words[0] in COMMANDS else "serve"
    options = _parser(command).parse_args(words)
    try:
        COMMANDS[command](options, _rules(options.rules))
    except (StoreError, OSError, sqlite3.Error) as error:
        sys.exit(f"rtdb: {error}")
    except Refusal as refusal:
        sys.exit(f"rtdb: {options.file}: {refusal.sentence}")


def _serve(options: argparse.Namespace, rules: Rules) -> None:
    with (
        contextlib.closing(Store(options.data)) as store,
        contextlib.suppress(KeyboardInterrupt),
    ):
        listening = listen(options.host, options.port)
        server = server_for(store, rules)
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(server.serve([listening]))


def _export(options: argparse.Namespace, rules: Rules) -> None:
    with contextlib.closing(Store(options.data, writable=False)) as store:
        if options.file == "-":
            export_json(store, rules, options.ns, sys.stdout.buffer)
            return
        with open(options.file, "wb") as file:
            export_json(store, rules, options.ns, file)


def _import(options: argparse.Namespace, rules: Rules) -> None:
    with contextlib.closing(Store(options.data)) as store:
        if options.file == "-":
            import_json(store, rules, options.ns, sys.stdin.buffer)
            return
        with open(options.file, "rb") as file:
            import_json(store, rules, options.ns, file)


COMMANDS: dict[str, Callable[[argparse.Namespace, Rules], None]] = {
    "serve": _serve,
    "export": _export,
    "import": _import,
}


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "rtdb" if command == "serve" else f"rtdb {command}",
        description="A local Firebase Realtime Database.",
        epilog="rtdb export FILE and rtdb import FILE move a namespace as JSON.",
    )
    parser.add_argument("--data", type=Path, default=Path(".wald/rtdb"), help="folder for the data")
    parser.add_argument("--rules", type=Path, help=f"rules document (./{RULES_FILE} if it exists)")
    if command == "serve":
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=_port, default=9000, help="0 takes a free one")
    else:
        parser.add_argument("--ns", default=DEFAULT_NAMESPACE, help="the namespace (%(default)s)")
        parser.add_argument("file", help="the JSON file; - is the standard stream")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text} is not a port: 0 to 65535 are allowed")
    return int(text)


def _rules(file: Path | None) -> Rules:
    """The rules for namespaces that set none: nobody but the owner, where there is no file."""
    if file is None and not RULES_FILE.exists():
        return parse_rules(DENY_ALL)
    file = file or RULES_FILE
    try:
        rules = parse_rules(file.read_bytes())
    except Refusal as refusal:
        raise StoreError(f"{file}: {refusal.sentence}") from None
    if rules.caution:
        log.warning("%s: %s", file, rules.caution)
    return rules


if __name__ == "__main__":
    main()
