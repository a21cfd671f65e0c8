"""An operation: something the application does for its user, timed, and with an outcome."""

from __future__ import annotations

import os
import time
from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, ParamSpec, TypeVar

    from .monitor import Monitor
    from .report import Outcome

    P = ParamSpec("P")
    R = TypeVar("R")

IS_COROUTINE = 0x80
"""Flag of code objects made with ``async def`` (inspect.CO_COROUTINE, without its import)."""


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

    def __enter__(self) -> Operation:
        self._process = os.getpid()
        self._started = time.monotonic_ns()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._monitor.finished(self, error)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Make every call of *function* an operation of its own."""
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & IS_COROUTINE:

            @wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with Operation(self._monitor, self.name, self.solution):
                    return await function(*args, **kwargs)  # type: ignore[misc]

            return awaited  # type: ignore[return-value]

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with Operation(self._monitor, self.name, self.solution):
                return function(*args, **kwargs)

        return called


def judge(
    error: BaseException | None, expected: tuple[type[BaseException], ...]
) -> tuple[Outcome, bool]:
    """Return the outcome of what ended with *error*, and whether that is a crash.

    ``sys.exit(0)`` is fine; any other exit is an error, but not a crash, and so is an exception
    that the application *expected*. Ctrl-C (exit status 130 where the application turned it into
    one) and the cancellation of a task are ``cancelled``.
    """
    if error is None:
        return "ok", False
    if isinstance(error, KeyboardInterrupt):
        return "cancelled", False
    # Click ends commands with exceptions that carry their exit status like SystemExit does.
    code = error.code if isinstance(error, SystemExit) else getattr(error, "exit_code", -1)
    if isinstance(error, SystemExit) or code != -1:
        return ("ok" if code in (None, 0) else "cancelled" if code == 130 else "error"), False
    if isinstance(error, expected):
        return "error", False
    if isinstance(error, Exception) and type(error).__name__ != "Abort":
        return "error", True
    return "cancelled", False
