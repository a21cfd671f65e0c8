"""Hands the spool to a sender: a process of its own that outlives the tool by seconds at most."""

from __future__ import annotations

import os
import sys

from .spool import Lock, Spool

SENDER_LOCK = "sender.lock"
WAIT = 'sleep 0.1; exec "$@"'
"""Lets the tool end before the sender starts: side by side, its end would take 3 ms longer."""

INHERITED = 3
"""File descriptor under which the sender finds the lock that was taken for it."""

START = "import sys; sys.path.append(sys.argv[1]); from wald.sender import main; main(sys.argv[2:])"


def hand_off(spool: Spool, app: str, endpoint: str) -> int | None:
    """Start a sender where reports wait, none is at work, and the server may be asked.

    Never waits for it. Returns the sender's process id, or None where none was started. Raises
    OSError where the system refuses.
    """
    if not spool.pending() or _backing_off(spool.folder):
        return None
    # A frozen executable would start the tool itself: then the next run's sender takes over.
    if not sys.executable or getattr(sys, "frozen", False):
        return None
    lock = Lock(spool.folder, SENDER_LOCK, patience=0)
    if not lock.take():
        return None  # the one at work looks again before it goes
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # Isolated and without site: starts fast, and no user's setting or package gets in its way.
    command = [sys.executable, "-I", "-S", "-c", START, here, app, endpoint]
    return _start(command, lock)


def _backing_off(folder: str) -> bool:
    if not os.path.exists(os.path.join(folder, "retry")):
        return False
    from .backoff import Backoff

    return Backoff(folder).wait() > 0


if sys.platform == "win32":

    def _start(command: list[str], lock: Lock) -> int:
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
        return started.pid

else:

    def _start(command: list[str], lock: Lock) -> int | None:
        """Start *command* in a session of its own, with no files but *lock*, which it takes over.

        The lock is closed here and not freed: it goes when the sender goes.
        """
        if lock.file == INHERITED:
            # A file cannot be passed on under the number it has: it would stay close-on-exec.
            lock.file = os.dup(INHERITED)
            os.close(INHERITED)
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
            (os.POSIX_SPAWN_DUP2, 0, 1),
            (os.POSIX_SPAWN_DUP2, 0, 2),
            (os.POSIX_SPAWN_DUP2, lock.file, INHERITED),
        ]
        try:
            for line in (["/bin/sh", "-c", WAIT, "sh", *command], command):
                try:
                    return os.posix_spawn(
                        line[0], line, os.environ, file_actions=actions, setsid=True
                    )
                except FileNotFoundError:
                    continue  # there are containers without a shell
            return None
        finally:
            os.close(lock.file)
