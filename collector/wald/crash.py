"""What is told of an exception: whether it is a crash, and where in the application's own code.

Both stay the same from machine to machine and from release to release, as long as the code there
keeps its names: no line numbers, no paths, and never the exception's message.
"""

from __future__ import annotations

from .report import MAX_ERROR_TEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from .report import ErrorInfo, Outcome


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


def describe(error: BaseException, packages: tuple[str, ...]) -> ErrorInfo:
    """Describe *error*, raised in an application whose own code lies in *packages*."""
    from hashlib import sha256  # a few ms, and most that ends with an exception is no crash

    name = type(error).__qualname__[:MAX_ERROR_TEXT]
    where = _where(error, packages)[:MAX_ERROR_TEXT]
    fingerprint = sha256(f"{name}\n{where}".encode(errors="replace")).hexdigest()[:16]
    return {"fingerprint": fingerprint, "type": name, "where": where}


def module_of(names: dict[str, object]) -> str:
    """Return the module whose globals are *names*, by the name under which it is installed.

    The program that was started is called ``__main__`` in Python, and ``__mp_main__`` in the
    workers that multiprocessing spawns; here it has the name that ``python -m`` knows it by, or
    that of its file.
    """
    name = names.get("__name__")
    if name not in ("__main__", "__mp_main__"):
        return str(name)
    known = getattr(names.get("__spec__"), "name", None)
    if known:
        return str(known)
    file = str(names.get("__file__") or "__main__").replace("\\", "/")
    return file.rpartition("/")[2].removesuffix(".py")


def is_own(module: str, packages: tuple[str, ...]) -> bool:
    """Tell whether *module* is the application's own code."""
    return any(module == package or module.startswith(package + ".") for package in packages)


def _where(error: BaseException, packages: tuple[str, ...]) -> str:
    places = [(module_of(frame.f_globals), frame.f_code.co_qualname) for frame in _frames(error)]
    own = [place for place in places if is_own(place[0], packages)]
    # Outside the application's code altogether (a library's thread, say): the innermost place.
    module, function = (own or places or [("unknown", "unknown")])[-1]
    return f"{module}:{function}"


def _frames(error: BaseException) -> Iterator[FrameType]:
    """Walk the frames that *error* went through, outermost first."""
    step = error.__traceback__
    while step is not None:
        yield step.tb_frame
        step = step.tb_next
