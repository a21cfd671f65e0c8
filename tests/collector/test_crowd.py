"""Two hundred runs at once, and a server that fails half the time: each report counts once."""

from __future__ import annotations

import http.client
import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.ingest.database import Database
from tests.ingest.function import Function, serving
from tests.ingest.watching import watched
from tests.patience import until
from tests.rtdb.server import running

from .home import EXAMPLE, Home
from .processes import senders

RUNS = 200
LOG = EXAMPLE.parent / "fail2ban.log"


class FailingHalf:
    """Passes requests on to the function; of every four, one fails before that, and one after."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.failures = {"before": 0, "after": 0}
        self.at_once = 0
        """Requests under way."""
        self.most_at_once = 0
        self.numbers = itertools.count()
        self.lock = threading.Lock()

    def pass_on(self, asked: BaseHTTPRequestHandler) -> tuple[int, bytes] | None:
        """Return the function's status and answer, or None for a connection that breaks."""
        body = asked.rfile.read(int(asked.headers["Content-Length"]))
        number = next(self.numbers)
        if number % 4 == 0:
            self.failures["before"] += 1
            return 503, b"{}"
        upstream = http.client.HTTPConnection("127.0.0.1", self.function.port)
        names = ("Content-Type", "Content-Encoding")
        upstream.request("POST", asked.path, body, {name: asked.headers[name] for name in names})
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if number % 4 == 1:
            self.failures["after"] += 1
            return None
        return answer.status, content

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return the class that serves a request."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                with proxy.lock:
                    proxy.at_once += 1
                    proxy.most_at_once = max(proxy.most_at_once, proxy.at_once)
                answer = proxy.pass_on(self)
                with proxy.lock:
                    # Before it is told: the client may ask again as soon as it is.
                    proxy.at_once -= 1
                if answer is not None:
                    self.send_response(answer[0])
                    self.end_headers()
                    self.wfile.write(answer[1])

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler


@contextmanager
def failing_half(function: Function) -> Iterator[tuple[FailingHalf, str]]:
    """Serve while the block runs; yields the proxy and its address."""
    proxy = FailingHalf(function)
    with ThreadingHTTPServer(("127.0.0.1", 0), proxy.handler()) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def run_at_once(home: Home, number: int) -> None:
    """Run the example *number* times, all at once."""
    command = [sys.executable, str(EXAMPLE), "top", "fail2ban", str(LOG)]
    null = subprocess.DEVNULL
    processes = [
        subprocess.Popen(command, env=home.variables, stdin=null, stdout=null, stderr=null)
        for _ in range(number)
    ]
    assert {process.wait() for process in processes} == {0}


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes the Linux way")
def test_each_report_is_stored_once_or_counted_as_dropped(tmp_path: Path) -> None:
    runs = RUNS
    with (
        running(tmp_path / "rtdb") as local,
        serving((database := Database.on(local, "crowd")).url) as function,
        failing_half(function) as (proxy, endpoint),
    ):
        home = Home(tmp_path / "home", endpoint, app="logtally")
        with watched(lambda: len(senders(home)), every=0.05) as looks:
            run_at_once(home, RUNS)
            home.settle()
            # What a failure left waits for a next run after the pause, and so does what was lost.
            while home.spooled() or (home.state / "lost").exists():
                home.forget_backoff()
                run_at_once(home, 1)
                runs += 1
                home.settle()
            assert until(lambda: not senders(home))
        stored = database.reports()
    assert max(looks) == 1
    assert proxy.most_at_once == 1
    assert min(proxy.failures.values()) > 0
    assert len(stored) == len({report["id"] for report in stored})
    assert len(stored) + sum(report["dropped"] for report in stored) == runs
    assert len({report["install"] for report in stored}) == 1
