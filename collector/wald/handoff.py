"""Hands the spool to a sender: a process of its own that outlives the tool by seconds at most."""

import os
import sys

from .spool import Lock, Spool

SENDER_LOCK = "sender.lock"
APART = '(sleep 0.1; exec "$@") &'
"""Starts the sender as nobody's child, so that a tool that waits for its own children does not
meet it; and lets the tool end first: side by side, its end would take 3 ms longer."""

INHERITED = 3
"""File descriptor under which the sender finds the lock that was taken for it."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

START = """
import os, sys
getattr(os, "nice", int)(10)
sys.path.append(sys.argv[1])
from wald.sender import main
main(sys.argv[2:])
"""
"""What the sender runs: behind whatever the user does next, which is why it is nice (POSIX)."""


def hand_off(spool: Spool, app: str, endpoint: str, at_exit: bool = False) -> None:
    """Start a sender where reports wait, none is at work, and the server may be asked.

    Never waits for it. Raises OSError where the system refuses.
    """
    if not spool.pending() or _backing_off(spool.folder):
        return
    # A frozen executable would start the tool itself: then the next run's sender takes over.
    if not sys.executable or getattr(sys, "frozen", False):
        return
    lock = Lock(spool.folder, SENDER_LOCK, patience=0)
    if not lock.take():
        return  # the one at work looks again before it goes
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # Isolated and without site: starts fast, and no user's setting or package gets in its way.
    command = [sys.executable, "-I", "-S", "-c", START, here, app, endpoint]
    _start(command, lock, at_exit)


def _backing_off(folder: str) -> bool:
    if not os.path.exists(os.path.join(folder, "retry")):
        return False
    from .backoff import Backoff

    return Backoff(folder).wait() > 0


if sys.platform == "win32":

    def _start(command: list[str], lock: Lock, at_exit: bool) -> None:
        """Start *command* without a console, and out of reach of a Ctrl-C meant for the tool."""
        import subprocess

        lock.free()  # it cannot be passed on: the sender takes it anew
        started = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=True,
            creationflags=subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP,
        )
        started.returncode = 0  # nobody waits for it, and that deserves no warning

else:

    def _start(command: list[str], lock: Lock, at_exit: bool) -> None:
        """Start *command* in a session of its own, with no files but *lock*, which it takes over.

        The lock is closed here and not freed: it goes when the sender goes.
        """
        if lock.file == INHERITED:
            # A file cannot be passed on under the number it has: it would stay close-on-exec.
            lock.file = os.dup(INHERITED)
            os.close(INHERITED)
        actions = [
            # First, for where the tool has no standard files the lock may be one of them.
            (os.POSIX_SPAWN_DUP2, lock.file, INHERITED),
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, 0, 2),
        ]
        # Signals that the tool blocks are not blocked for the sender: an alarm is to end it.
        options: Any = {"file_actions": actions, "setsid": True, "setsigmask": ()}
        try:
            shell = ["/bin/sh", "-c", APART, "sh", *command]
            child = os.posix_spawn(shell[0], shell, os.environ, **options)
        except FileNotFoundError:  # there are containers without a shell
            os.posix_spawn(command[0], command, os.environ, **options)
        else:
            if not at_exit:
                os.waitpid(child, 0)  # the shell, which is through at once
        finally:
            os.close(lock.file)
