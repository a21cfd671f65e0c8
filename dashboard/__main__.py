"""The dashboard's command line: bring the warehouse up to date, export tables, publish a page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import ibis

from dashboard.analysis import choices
from dashboard.analysis.apps import apps
from dashboard.analysis.engines import as_frame, frame_of
from dashboard.analysis.history import History
from dashboard.analysis.platforms import identifiers
from dashboard.analysis.scope import Scope, seen_from
from dashboard.export import FORMATS, export
from dashboard.publish import LEAST, picture, publish
from dashboard.schema import HORIZON
from dashboard.settings import Settings, environment
from dashboard.sync import Progress, sync
from dashboard.warehouse import Snapshot, Warehouse, WarehouseError
from ingest.store import DatabaseUnavailable, SettingError, Store

MOST = 10_000
"""Days of a horizon, or installs of a cell, that can be asked for."""

NAMED = 10
"""Values that a sentence names, where one was asked for that nobody reported."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options, Settings.read(environment()))
    except (SettingError, DatabaseUnavailable, WarehouseError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run_sync(options: argparse.Namespace, settings: Settings) -> None:
    """Read new reports into the warehouse and say how many there were."""
    meter = _show if sys.stderr.isatty() else lambda progress: None
    store = Store.connect(settings.database)
    done = sync(store, Warehouse(settings.warehouse), progress=meter)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    if done.rebuilt:
        print(f"the warehouse was built anew: {done.rebuilt}")
    print(f"synced {done.new} new reports into {settings.warehouse}")


def run_export(options: argparse.Namespace, settings: Settings) -> None:
    """Write every table of an app and say where."""
    if options.since and options.until and options.since > options.until:
        raise SettingError(f"--since {options.since} lies after --until {options.until}")
    out: Path = options.out
    with Warehouse(settings.warehouse).reading() as snapshot:
        history = _history(snapshot, options)
        try:
            written = export(
                history,
                out,
                sentry=settings.sentry,
                min_cell=options.min_cell,
                format=options.format,
            )
        except OSError as error:
            raise SettingError(f"can't write to {error.filename}: {error.strerror}") from error
    print(f"wrote {len(written)} files to {out}, as of {history.scope.as_of}")


def run_publish(options: argparse.Namespace, settings: Settings) -> None:
    """Write the page that a project shows its users, and say where."""
    with Warehouse(settings.warehouse).reading() as snapshot:
        history = _history(snapshot, options)
        own = frame_of(identifiers, history)["identifier"]
        for name in options.show_metric:
            if name not in set(own):
                raise SettingError(
                    f"--show-metric {name} was never reported; there is {', '.join(own)}"
                )
        shown = picture(
            history, least=options.min_cell, metrics=tuple(options.show_metric), more=options.more
        )
        try:
            publish(shown, options.out)
        except OSError as error:
            raise SettingError(f"can't write to {error.filename}: {error.strerror}") from error
    print(f"wrote {options.out / 'index.html'}, as of {shown.as_of}")


def _history(snapshot: Snapshot, options: argparse.Namespace) -> History:
    found = {str(row.app): row for row in as_frame(apps(snapshot.table)).itertuples()}
    if not found:
        raise WarehouseError("There are no reports yet, so there is nothing to export")
    if options.app and options.app not in found:
        raise SettingError(f"--app {options.app} has not reported; there is {', '.join(found)}")
    if not options.app and len(found) > 1:
        raise SettingError(f"several apps have reported; name one with --app: {', '.join(found)}")
    app = found[options.app or next(iter(found))]
    last_report = _date(app.last_day)
    as_of, last_day = seen_from(datetime.now(UTC).date(), last_report, options.as_of)
    scope = Scope(
        str(app.app),
        as_of,
        last_day,
        horizon=options.horizon,
        ci=options.ci,
        since=options.since,
        until=options.until,
        last_report=last_report,
    )
    return _filtered(History(scope, snapshot.table), options)


def _filtered(history: History, options: argparse.Namespace) -> History:
    """The history through the filters of the command line."""
    values: dict[str, list[str]] = {}
    for name, value in options.metric:
        values.setdefault(name, []).append(value)
    told = choices.metric_choices(history)
    metrics = {
        name: _known(f"--metric {name}=", chosen, told.filter(told.identifier == name).value)
        for name, chosen in values.items()
    }
    scope = replace(
        history.scope,
        versions=_known("--version ", options.version, choices.versions(history).version),
        systems=_known("--os ", options.os, choices.systems(history).os),
        solutions=_known("--solution ", options.solution, choices.solutions(history).solution),
        metrics=tuple(metrics.items()),
    )
    return replace(history, scope=scope)


def _known(option: str, chosen: Sequence[str], reported: ibis.Column) -> tuple[str, ...]:
    """What was chosen, if it was reported: a slip of the pen would leave every file empty."""
    there = reported.to_pyarrow().to_pylist() if chosen else []
    for value in chosen:
        if value not in there:
            named = ", ".join(there[:NAMED]) + (", …" if len(there) > NAMED else "")
            raise SettingError(f"{option}{value} was never reported; there is {named or 'none'}")
    return tuple(chosen)


def _date(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def _show(progress: Progress) -> None:
    line = f"\r\x1b[K{progress.done:,} of about {progress.total:,} reports read"
    print(line, end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("sync", help="read new reports into the warehouse")
    command.set_defaults(run=run_sync)
    _add_export(commands.add_parser("export", help="write every table as a file"))
    _add_publish(commands.add_parser("publish", help="write a page of aggregates for your users"))
    return parser


def _add_what_and_where(command: argparse.ArgumentParser) -> None:
    """Add what all that write files are told."""
    command.add_argument("--out", metavar="DIR", type=Path, required=True)
    command.add_argument("--app", metavar="A", help="which app, where several report")
    command.add_argument("--as-of", metavar="DAY", type=_day, help="ignore what came later")


def _add_export(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=run_export)
    _add_what_and_where(command)
    command.add_argument("--since", metavar="DAY", type=_day, help="first day shown, YYYY-MM-DD")
    command.add_argument("--until", metavar="DAY", type=_day, help="last day shown")
    command.add_argument(
        "--horizon",
        metavar="DAYS",
        type=_positive,
        default=HORIZON,
        help="days of silence after which a user counts as gone (default: %(default)s)",
    )
    for option, letter, what in (
        ("--version", "V", "package version"),
        ("--os", "O", "OS family"),
        ("--solution", "S", "solution"),
    ):
        said = f"only this {what}; may be given several times"
        command.add_argument(option, metavar=letter, action="append", default=[], help=said)
    command.add_argument(
        "--metric",
        metavar="NAME=VALUE",
        type=_pair,
        action="append",
        default=[],
        help="only this value of a metric; may be given several times",
    )
    command.add_argument("--ci", action="store_true", help="count runs by CI services too")
    command.add_argument(
        "--min-cell",
        metavar="K",
        type=_positive,
        default=1,
        help="leave cells blank that count fewer than K installs",
    )
    command.add_argument(
        "--format", choices=list(FORMATS), default="csv", help="of the files (default: %(default)s)"
    )


def _add_publish(command: argparse.ArgumentParser) -> None:
    unfiltered: dict[str, list[str]] = {"version": [], "os": [], "solution": [], "metric": []}
    command.set_defaults(
        run=run_publish, since=None, until=None, horizon=HORIZON, ci=False, **unfiltered
    )
    _add_what_and_where(command)
    command.add_argument(
        "--min-cell",
        metavar="K",
        type=_least_published,
        default=LEAST,
        help="tell nothing about fewer than K installs (default and least: %(default)s)",
    )
    command.add_argument(
        "--show-metric",
        metavar="NAME",
        action="append",
        default=[],
        help="a metric of your own to show as well; may be given again",
    )
    command.add_argument(
        "--more", metavar="URL", type=_address, help="your page about what is collected"
    )


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise argparse.ArgumentTypeError(f"{text!r} is no address that begins with https://")
    return text


def _least_published(text: str) -> int:
    if _positive(text) < LEAST:
        raise argparse.ArgumentTypeError(f"{text} is too few to publish; give {LEAST} or more")
    return int(text)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as 2026-03-12") from None
    if not 1970 <= day.year <= 2999:
        raise argparse.ArgumentTypeError(f"{text} lies outside the years 1970 to 2999")
    return day


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is no metric and value; write backend=docker")
    return name, value


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
