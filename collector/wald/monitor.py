"""The monitor: an application makes one, and tells it what it is doing.

Telemetry never harms its host. Everything that the application calls goes through
`Monitor._guarded`, the one place where the collector's own errors end.
"""

import _thread
import atexit
import os
import sys
import time

from .consent import Decision, Environment, decide, erase
from .handoff import hand_off
from .metric import DataCollector
from .report import MAX_METRIC_TEXT, MAX_TEXT, make, sendable
from .spool import Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Literal, ParamSpec, TypeVar

    from .report import Kind, Outcome, Report

    P = ParamSpec("P")
    R = TypeVar("R")

HAND_OFF_EVERY = 60.0
"""Seconds between hand-offs while the application runs; one more follows at its end."""


class Monitor:
    """Reports the operations and crashes of one application to its maintainers.

    ``app`` is the application's name in reports (lower case letters, digits, ``-``, ``_``) and
    ``version`` its version. ``endpoint`` is the address of the maintainers' ingest function, and
    ``more`` that of the page about what is collected; the user is told both.

    ``consent`` is what holds where the user has not said anything: None (the default) reports
    once the user was told on a terminal; True reports from the start, for applications that have
    their user's consent already (the user is told all the same); False reports nothing.

    ``ci`` is ``"tag"`` to mark the reports of CI services, or ``"off"`` to send none from there.
    ``dsn`` is that of a Sentry project that gets the crashes too, if sentry-sdk is installed.
    ``package`` names the import packages with the application's own code; by default it is the
    one that makes the monitor. ``expected`` are exceptions that are not crashes: they answer a
    mistake of the user's. ``contact`` says whom users may ask about telemetry.

    Raises ValueError where ``app``, ``version``, ``endpoint`` or ``ci`` is none, with a sentence.
    """

    def __init__(
        self,
        app: str,
        version: str,
        *,
        endpoint: str,
        more: str,
        consent: bool | None = None,
        ci: "Literal['tag', 'off']" = "tag",
        dsn: str | None = None,
        package: str | tuple[str, ...] | None = None,
        expected: tuple[type[BaseException], ...] = (),
        contact: str | None = None,
    ) -> None:
        _check(app, version, endpoint, ci)
        self.app = app
        self.version = version
        self.endpoint = endpoint
        self.more = more
        self.contact = contact
        self.consent = consent
        self._dsn = dsn
        self._package = package
        self._expected = expected
        # The globals of whoever makes the monitor name the application's own package.
        self._maker = sys._getframe(1).f_globals
        self._process = os.getpid()
        self._handed_off = time.monotonic()
        self.environment: Environment
        self.decision: Decision
        self.spool: Spool | None = None
        """Where reports go; None where there are none."""
        self.strict = False
        """Whether the collector's own errors are raised: only in tests, see `wald.testing`."""
        self._guarded(self._start, ci == "off")

    @property
    def reports_to_sentry(self) -> bool:
        """Tell whether crashes go to a Sentry project too."""
        return self._dsn is not None

    def operation(self, name: str | None = None, *, solution: str | None = None) -> "Operation":
        """Report what is done inside: ``with monitor.operation("install", solution="fail2ban"):``.

        Serves as a decorator too. Exceptions pass through unchanged.
        """
        if callable(name):
            raise TypeError('operation takes its name: write @monitor.operation("...")')
        return Operation(self, name, solution)

    def hand_off(self) -> None:
        """Have everything delivered now. For applications that run long; the others need not."""
        self._guarded(self._hand_off)

    def finished(self, operation: "Operation", error: BaseException | None) -> None:
        """Report an operation that ended with *error*, or well (None). Called by `Operation`."""
        try:
            self._guarded(self._finished, operation, error)
        except KeyboardInterrupt:
            if error is None:
                raise  # else it met the collector at work, and must not hide the tool's own error

    def watch_loop(self, loop: "asyncio.AbstractEventLoop") -> None:
        """Report the exceptions that nobody awaits in *loop*; its handler is called as before."""
        previous = loop.get_exception_handler()

        def handler(loop: "asyncio.AbstractEventLoop", context: "dict[str, Any]") -> None:
            if previous is None:
                loop.default_exception_handler(context)
            else:
                previous(loop, context)
            self._uncaught(context.get("exception"))

        loop.set_exception_handler(handler)

    def add_commands(self, application: object) -> None:
        """Give users ``telemetry status|on|off|preview|explain|forget``.

        *application* is what argparse's ``add_subparsers`` returned, a Click group, or a Typer
        application.
        """
        from .commands import add  # only by tools that have them

        add(self, application)

    def instrument(self, application: object, *, solution: str | None = None) -> None:
        """Make every command of *application* an operation, named as the user calls it.

        *application* is an argparse parser whose commands say ``set_defaults(func=...)``, a
        Click command or group, or a Typer application, complete with its commands. *solution*
        names the argument that tells what a command is done to.
        """
        from .instrument import instrument

        instrument(self, application, solution)

    def _guarded(self, action: "Callable[..., object]", *arguments: object) -> None:
        """Do *action*; whatever goes wrong with it is no concern of the application's."""
        try:
            action(*arguments)
        except Exception:
            if self.strict:
                raise

    def _start(self, no_ci: bool) -> None:
        self.environment = Environment(self.app, os.environ)
        self.decision = decide(self.environment, self.consent, no_ci)
        folder = self.environment.state
        if folder is None:
            return
        if not self.decision.on:
            erase(folder)
            return
        self.spool = Spool(folder)
        atexit.register(self._guarded, self._at_exit)
        self._watch_main()
        self._watch_threads()

    def _finished(self, operation: "Operation", error: BaseException | None) -> None:
        if operation.in_child or not self._may_report():
            return
        outcome: Outcome = "ok"
        if error is not None:
            from .crash import judge  # only what went wrong takes a look

            outcome, crash = judge(error, self._expected)
            if crash:
                self._guarded(self._crashed, error, operation)
        report = self.report("run", operation, self._install())
        report["outcome"] = operation.outcome or outcome
        report["duration_ms"] = operation.duration_ms
        self._keep(report)

    def _crashed(self, error: BaseException, operation: "Operation | None") -> None:
        """Report *error*, once, however many operations and hooks it passes."""
        seen = error.__dict__.setdefault("_wald_reported", [])
        if self.app in seen or not self._may_report():
            return
        seen.append(self.app)
        from .crash import describe, module_of

        package = self._package or module_of(self._maker).partition(".")[0]
        packages = (package,) if isinstance(package, str) else package
        report = self.report("error", operation, self._install())
        report["error"] = describe(error, packages)
        if self._dsn and not self.strict:
            self._guarded(self._tell_sentry, error, report, packages)
        self._keep(report)

    def _tell_sentry(
        self, error: BaseException, report: "Report", packages: tuple[str, ...]
    ) -> None:
        assert self._dsn is not None
        assert self.spool is not None
        from .events import Events
        from .sentry import capture  # ImportError where sentry-sdk is not installed

        event = capture(self._dsn, error, report, packages, Events(self.spool.folder))
        if event is not None:
            report["error"]["sentry_event"] = event

    def report(self, kind: "Kind", operation: "Operation | None", install: str) -> "Report":
        """Make the report of something that happened now to the install named *install*."""
        metrics = DataCollector.collect(self.version)
        report = make(kind, self.app, install, metrics, self.environment.ci)
        if operation is not None and operation.name:
            report["operation"] = sendable(operation.name, MAX_TEXT)
        if operation is not None and operation.solution:
            report["solution"] = sendable(operation.solution, MAX_TEXT)
        return report

    def _install(self) -> str:
        assert self.spool is not None
        kept = self.spool.install()
        if kept:
            return kept[1]
        from .install import pseudonym_of  # once in an install's life

        try:
            return pseudonym_of(self.spool)
        except TimeoutError:
            self.spool.lose(1)
            raise

    def _keep(self, report: "Report") -> None:
        assert self.spool is not None
        self.spool.append(report)
        self._process = os.getpid()  # a forked child that reports something hands it off, too
        if not self.strict and time.monotonic() - self._handed_off > HAND_OFF_EVERY:
            self._hand_off()

    def _may_report(self) -> bool:
        """Tell whether a report may be kept now; tells the user first where that is due."""
        if self.spool is None:
            return False
        if self.environment.said is None and self.environment.choice() is False:
            erase(self.spool.folder)  # the user said no while this process was running
            self.spool = None
            return False
        if not self.decision.by_default or self.environment.told():
            return True
        from .notice import tell

        asks = self.consent is None
        return tell(self.environment, self.endpoint, self.more, asks) or not asks

    def _hand_off(self, at_exit: bool = False) -> None:
        if self.spool is not None:
            self._handed_off = time.monotonic()
            hand_off(self.spool, self.app, self.endpoint, at_exit)

    def _at_exit(self) -> None:
        if os.getpid() == self._process:  # and not a forked child that never reported anything
            self._hand_off(at_exit=True)

    def _watch_main(self) -> None:
        previous = sys.excepthook

        def hook(
            kind: type[BaseException], error: BaseException, at: "TracebackType | None"
        ) -> None:
            previous(kind, error, at)
            self._uncaught(error)

        sys.excepthook = hook

    def _watch_threads(self) -> None:
        # Where threading is not imported yet, it will take its hook from _thread: importing it
        # here would cost every tool without threads 2 ms.
        holder: Any = sys.modules.get("threading", _thread)
        name = "_excepthook" if holder is _thread else "excepthook"
        previous = getattr(holder, name)

        def hook(arguments: "Any") -> None:
            previous(arguments)
            self._uncaught(arguments.exc_value)

        setattr(holder, name, hook)

    def _uncaught(self, error: BaseException | None) -> None:
        if error is not None:
            self._guarded(self._judge_uncaught, error)

    def _judge_uncaught(self, error: BaseException) -> None:
        from .crash import judge

        if judge(error, self._expected)[1]:
            self._crashed(error, None)


class Operation:
    """One operation, as context manager or decorator. Made by `Monitor.operation`."""

    def __init__(self, monitor: Monitor, name: str | None, solution: str | None) -> None:
        self.name = name
        self.solution = solution
        """What the operation is done to; may be set while it runs."""
        self.outcome: Outcome | None = None
        """Set it where the operation failed (or was cancelled) without raising anything."""
        self._monitor = monitor
        self._process = 0
        self._started = 0

    @property
    def duration_ms(self) -> int:
        """Milliseconds since the operation began."""
        return (time.monotonic_ns() - self._started) // 1_000_000

    @property
    def in_child(self) -> bool:
        """Tell whether this is a child forked in the middle: its parent does the reporting."""
        return os.getpid() != self._process

    def __enter__(self) -> "Operation":
        self._process = os.getpid()
        self._started = time.monotonic_ns()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: "TracebackType | None",
    ) -> None:
        self._monitor.finished(self, error)

    def __call__(self, function: "Callable[P, R]") -> "Callable[P, R]":
        """Make every call of *function* an operation of its own."""
        from .decorator import decorated  # only by tools that decorate

        return decorated(lambda: Operation(self._monitor, self.name, self.solution), function)


def _check(app: str, version: str, endpoint: str, ci: str) -> None:
    plain = app.replace("-", "a").replace("_", "a") if isinstance(app, str) else ""
    if not (0 < len(plain) <= 64 and plain.isascii() and plain.isalnum() and app == app.lower()):
        raise ValueError(f"app is {app!r}: it must be 1 to 64 of a-z, 0-9, - and _")
    if app[0] in "-_":
        raise ValueError(f"app is {app!r}: it must begin with a letter or a digit")
    if not isinstance(version, str) or not 0 < len(version) <= MAX_METRIC_TEXT:
        raise ValueError(f"version is {version!r}: it must be 1 to {MAX_METRIC_TEXT} characters")
    if not isinstance(endpoint, str) or not endpoint.startswith(("http://", "https://")):
        raise ValueError(f"endpoint is {endpoint!r}: it must begin with https:// or http://")
    if ci not in ("tag", "off"):
        raise ValueError(f"ci is {ci!r}: it must be 'tag' or 'off'")
