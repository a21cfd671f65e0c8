"""Makes operations of a function's calls, whatever kind of function it is."""

from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    from .monitor import Operation

    P = ParamSpec("P")
    R = TypeVar("R")

# Flags of code objects (inspect.CO_GENERATOR and so on, without its import).
GENERATOR = 0x20
COROUTINE = 0x80
ASYNC_GENERATOR = 0x200


def decorated(begin: "Callable[[], Operation]", function: "Callable[P, R]") -> "Callable[P, R]":
    """Return *function* with an operation from *begin* around each call.

    That of a coroutine lasts until it returns, that of a generator until it is through: what is
    left before that is ``cancelled``.
    """
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    anything: Any = function  # what it returns depends on its flags
    wrapped: Any
    if flags & COROUTINE:

        async def wrapped(*args: "Any", **kwargs: "Any") -> "Any":
            with begin():
                return await anything(*args, **kwargs)

    elif flags & GENERATOR:

        def wrapped(*args: "Any", **kwargs: "Any") -> "Any":
            with begin():
                return (yield from anything(*args, **kwargs))

    elif flags & ASYNC_GENERATOR:

        async def wrapped(*args: "Any", **kwargs: "Any") -> "Any":
            inner = anything(*args, **kwargs)
            step = inner.asend(None)
            with begin():
                try:
                    while True:
                        try:
                            item = await step
                        except StopAsyncIteration:
                            return
                        try:
                            step = inner.asend((yield item))
                        except GeneratorExit:
                            raise
                        except BaseException as error:
                            step = inner.athrow(error)
                finally:
                    await inner.aclose()

    else:

        def wrapped(*args: "Any", **kwargs: "Any") -> "Any":
            with begin():
                return anything(*args, **kwargs)

    return wraps(function)(wrapped)
