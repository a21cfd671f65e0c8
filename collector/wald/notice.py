"""The notice: what a user is told once, before anything is reported."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .consent import Environment


def notice(environment: Environment, endpoint: str, more: str) -> str:
    """Return what a user is told before the first report: what, where to, why, how to say no."""
    app = environment.app
    return (
        f"{app} reports to its maintainers which command was run, on what kind of system, how\n"
        f"long it took and whether it failed, so that they see what is used and what breaks.\n"
        f"Never names, addresses, paths, arguments or messages. Sent to {endpoint}\n"
        f"Read more: {more}\n"
        f"To say no: set {environment.variable}=off or DO_NOT_TRACK=1, or write the word off\n"
        f"into {environment.choice_file}\n"
    )


def tell(environment: Environment, endpoint: str, more: str, on_terminal_only: bool) -> bool:
    """Show the notice once an install; return whether the user has it by now.

    It goes to standard error. Raises OSError where the folder for state cannot be written, and
    then shows nothing, or the user would be told again on every run.
    """
    assert environment.state is not None
    assert environment.notice_mark is not None
    if sys.stderr is None or (on_terminal_only and not sys.stderr.isatty()):
        return False
    os.makedirs(environment.state, mode=0o700, exist_ok=True)
    try:
        os.close(os.open(environment.notice_mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return True
    try:
        sys.stderr.write(notice(environment, endpoint, more))
        sys.stderr.flush()
    except (OSError, ValueError):
        os.unlink(environment.notice_mark)
        return False
    return True
