"""The sender: a detached process that delivers the spool and is gone within 15 seconds.

The tool starts it, see `wald.handoff`, and never waits for it. It prints nothing and leaves
nothing behind but what it could not deliver, with a note when to try again.
"""

from __future__ import annotations

import os
import sys
import time

from . import __version__
from .backoff import Backoff
from .consent import Environment, erase
from .delivery import Answer, send_event, send_reports
from .events import Events
from .handoff import INHERITED, SENDER_LOCK
from .outbox import Outbox
from .report import MAX_BATCH
from .spool import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME = 14
"""Seconds after which a sender ends, whatever the network does."""

LINGER = 2.0
"""Seconds that it waits for more before it goes: a build may run a tool a thousand times, and a
process for each would slow it down."""

LOOK_EVERY = 0.2
"""Seconds between looks at the spool meanwhile."""


def main(arguments: list[str]) -> None:
    """Deliver what the application *arguments[0]* has spooled to the endpoint *arguments[1]*."""
    app, endpoint = arguments
    _end_in_time()
    environment = Environment(app, os.environ)
    if environment.state is None:
        return
    lock = Lock(environment.state, SENDER_LOCK, patience=0)
    if sys.platform == "win32":
        if not lock.take():
            return
    else:
        lock.file = INHERITED
        # What the tool itself inherited and left open, a pipe's end say, is not ours to hold.
        os.closerange(INHERITED + 1, os.sysconf("SC_OPEN_MAX"))
        os.chdir("/")
    sender = Sender(environment, endpoint)
    while True:
        sender.work()
        lock.free()
        # A run that ended meanwhile found the lock taken, and left its reports to this sender.
        lock.patience = 0.1
        if sender.done() or not lock.take():
            return


class Sender:
    """Delivers one application's spool."""

    def __init__(self, environment: Environment, endpoint: str) -> None:
        assert environment.state is not None
        self.environment = environment
        self.endpoint = endpoint
        self.spool = Outbox(environment.state)
        self.events = Events(environment.state)
        self.backoff = Backoff(environment.state)
        self.event_backoff = Backoff(environment.state, "retry-sentry")
        self.most = MAX_BATCH
        """Reports in one request; fewer once a server found a request too large."""
        self.until = time.monotonic() + LIFETIME - 1  # a second to leave in order

    def work(self) -> None:
        """Deliver what is there, and what comes until nothing came for a while."""
        leave = time.monotonic() + LINGER
        while time.monotonic() <= min(leave, self.until):
            if self._waiting():
                leave = time.monotonic() + LINGER
                self.deliver()
                if self._waiting():
                    return  # the server does not take it now
            time.sleep(LOOK_EVERY)

    def deliver(self) -> None:
        """Send everything, as long as the server takes it or time is left to ask again."""
        now_ms = time.time_ns() // 1_000_000
        self.spool.expire(now_ms)
        self.events.expire(now_ms)
        while self.spool.pending() and self._try(self.backoff, self._batch):
            pass
        while self.events.pending() and self._try(self.event_backoff, self._event):
            pass

    def done(self) -> bool:
        """Tell whether there is nothing left that could be sent now."""
        reports = self.spool.pending() and self._may_ask(self.backoff)
        return not reports and not (self.events.pending() and self._may_ask(self.event_backoff))

    def _waiting(self) -> bool:
        return self.spool.pending() or self.events.pending()

    def _may_ask(self, backoff: Backoff) -> bool:
        return time.monotonic() + backoff.wait() < self.until

    def _try(self, backoff: Backoff, send: Callable[[], Answer]) -> bool:
        """Make one attempt, after a pause where one is due; return whether to go on."""
        if not self._may_ask(backoff):
            return False
        time.sleep(backoff.wait())
        if self._refused():
            erase(self.spool.folder)
            return False
        failures = backoff.failures()
        # Noted before the attempt: a sender that is killed in the middle counts as a failure.
        backoff.failed(failures + 1)
        answer = send()
        if answer.fate == "kept":
            backoff.failed(failures + 1, answer.retry_after)
        else:
            backoff.succeeded()
        return True

    def _batch(self) -> Answer:
        reports = self.spool.reports()[: self.most]
        if not reports:
            self.spool.remove([])  # nothing but broken lines
            return Answer("delivered")
        answer = send_reports(self.endpoint, reports, f"wald/{__version__}")
        if answer.fate == "too_large" and len(reports) > 1:
            self.most = len(reports) // 2
        elif answer.fate != "kept":
            self.spool.remove({report["id"] for report in reports})
            if answer.fate == "too_large":  # there is no less to send than one
                self.spool.lose(1 + reports[0]["dropped"])
        return answer

    def _event(self) -> Answer:
        name = self.events.oldest()
        try:
            url, headers, body = self.events.read(name)
        except (OSError, ValueError, KeyError, TypeError):
            self.events.drop(name)  # a power cut left it broken
            return Answer("refused")
        answer = send_event(url, headers, body)
        if answer.fate != "kept":
            self.events.drop(name)
        return answer

    def _refused(self) -> bool:
        """Tell whether the user said no since the reports were written."""
        refused = self.environment.tracking_refused or self.environment.said is False
        return refused or (self.environment.said is None and self.environment.choice() is False)


def _end_in_time() -> None:
    """See to it that this process ends, even where a system call never comes back."""
    if sys.platform != "win32":
        import signal

        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(LIFETIME)
        return
    import threading

    watch = threading.Timer(LIFETIME, os._exit, [0])
    watch.daemon = True
    watch.start()
