"""What is told of a crash: the exception's class and the place in the application's own code.

Both stay the same from machine to machine and from release to release, as long as the code there
keeps its names: no line numbers, no paths, and never the exception's message.
"""

from __future__ import annotations

from hashlib import sha256

from .report import MAX_ERROR_TEXT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from .report import ErrorInfo


def describe(error: BaseException, packages: tuple[str, ...]) -> ErrorInfo:
    """Describe *error*, raised in an application whose own code lies in *packages*."""
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
