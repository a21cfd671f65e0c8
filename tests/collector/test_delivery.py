"""What the server says decides what becomes of reports; the tool never notices."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.patience import until
from wald.backoff import LONGEST, LONGEST_ASKED, Backoff
from wald.delivery import _seconds
from wald.handoff import SENDER_LOCK
from wald.sender import LIFETIME
from wald.spool import Lock

from .home import Home
from .processes import senders
from .server import Holding, Reply, Request, Server

ONE = "with monitor.operation('x'): pass"


def test_a_server_that_is_down_gets_everything_later(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        home = Home(tmp_path / "home", f"http://127.0.0.1:{free.getsockname()[1]}")
    tool = home.write(ONE)
    home.remember_failures()
    for _ in range(3):
        assert home.run(tool).returncode == 0
    home.settle()
    waiting = home.spooled()
    assert len(waiting) == 3
    assert Backoff(str(home.state)).wait() > 0
    with Server() as server:
        home.variables["ENDPOINT"] = server.url
        home.forget_backoff()
        home.run(tool)
        home.settle()
        assert server.reports[:3] == waiting
        assert len(server.reports) == 4
        assert len(server.requests) == 1
    assert home.spooled() == []
    assert not (home.state / "retry").exists()


@pytest.mark.parametrize("status", [302, 307, 308, 404, 429, 500, 503])
def test_kept_where_the_server_cannot_take_it(home: Home, server: Server, status: int) -> None:
    server.answer = lambda request: Reply(
        status, {"Retry-After": "600", "Location": f"{server.url}/elsewhere"}
    )
    home.run(home.write(ONE))
    home.settle()
    assert len(home.spooled()) == 1
    assert [request.path for request in server.requests] == ["/v1/reports"]
    assert 590 < Backoff(str(home.state)).wait() <= 600


def test_what_is_kept_waits_for_its_time_and_goes_once(home: Home, server: Server) -> None:
    server.answer = lambda request: Reply(503, {"Retry-After": "600"})
    tool = home.write(ONE)
    home.run(tool)
    home.settle()
    # The next run knows, and does not even ask.
    home.run(tool)
    home.settle()
    assert len(server.requests) == 1
    server.answer = lambda request: Reply()
    home.forget_backoff()
    home.run(tool)
    home.settle()
    assert len({report["id"] for report in server.reports[1:]}) == 3
    assert home.spooled() == []


def test_a_short_trouble_is_over_within_one_sender(home: Home, server: Server) -> None:
    def answer(request: Request) -> Reply:
        return Reply(503, {"Retry-After": "1"}) if not server.requests else Reply()

    server.answer = answer
    home.run(home.write(ONE))
    home.settle()
    assert len(server.requests) == 2
    assert server.reports[0] == server.reports[1]
    assert home.spooled() == []


def test_a_request_that_is_too_large_is_halved(home: Home, server: Server) -> None:
    """Down to one report: the one that is too large by itself is dropped, and counted."""

    def answer(request: Request) -> Reply:
        reports = json.loads(request.body)["reports"]
        large = len(reports) > 4 or any(r["operation"] == "large" for r in reports)
        return Reply(413 if large else 200)

    server.answer = answer
    names = ["o0", "o1", "large", *(f"o{n}" for n in range(3, 20))]
    home.run(home.write(f"for name in {names}:\n    with monitor.operation(name): pass"))
    home.settle()
    assert home.spooled() == []
    taken = [json.loads(r.body)["reports"] for r in server.requests if answer(r).status == 200]
    assert [r["operation"] for batch in taken for r in batch] == [n for n in names if n != "large"]
    server.answer = lambda request: Reply()
    home.run(home.write("with monitor.operation('next'): pass"))
    home.settle()
    assert (server.reports[-1]["operation"], server.reports[-1]["dropped"]) == ("next", 1)


def test_what_is_no_request_of_ours_is_not_sent_again(home: Home, server: Server) -> None:
    server.answer = lambda request: Reply(400, body=b'{"error": "schema: must be 1"}')
    home.run(home.write(ONE))
    home.settle()
    assert home.spooled() == []
    assert len(server.requests) == 1


def test_rejected_reports_are_gone_for_good(home: Home, server: Server) -> None:
    body = b'{"accepted": 0, "rejected": [{"index": 0, "reason": "app: unknown"}]}'
    server.answer = lambda request: Reply(200, body=body)
    home.run(home.write(ONE))
    home.settle()
    assert home.spooled() == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"<html>Welcome to our hotel</html>", b"[]", b"x" * 3_000_000])
def test_a_page_is_no_receipt(home: Home, server: Server, body: bytes) -> None:
    server.answer = lambda request: Reply(200, body=body)
    home.remember_failures()
    home.run(home.write(ONE))
    home.settle()
    assert len(home.spooled()) == 1


def test_many_reports_go_in_requests_of_500(home: Home, server: Server) -> None:
    home.run(home.write("for i in range(620):\n    with monitor.operation(f'o{i}'): pass"))
    home.settle()
    assert [r["operation"] for r in server.reports] == [f"o{i}" for i in range(620)]
    assert len(server.requests) == 2
    assert max(len(request.body) for request in server.requests) < 8 << 20


def test_a_sender_holds_on_to_nothing(home: Home, server: Server) -> None:
    """Whoever reads what the tool writes is done when the tool is, not when the sender is."""
    server.answer = held = Holding()
    extra, theirs = os.pipe()
    tool = home.write("print('done')\n" + ONE)
    process = subprocess.Popen(
        [sys.executable, str(tool)],
        env=home.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(theirs,),
    )
    os.close(theirs)
    assert process.stdout is not None
    assert process.stdout.read().endswith(b"done\n")
    assert held.asked.wait(10)
    assert os.read(extra, 1) == b""
    assert server.requests == []  # the sender is still waiting for its answer
    process.stdout.close()
    process.wait()
    held.go.set()
    home.settle()
    assert len(server.requests) == 1


def test_backoff_grows_to_an_hour_and_is_forgotten(tmp_path: Path) -> None:
    backoff = Backoff(str(tmp_path))
    assert (backoff.failures(), backoff.wait()) == (0, 0)
    for failures, least, most in [(1, 0.4, 1), (4, 3.9, 8), (30, LONGEST / 2 - 1, LONGEST)]:
        backoff.failed(failures)
        again = Backoff(str(tmp_path))
        assert again.failures() == failures
        assert least < again.wait() <= most
    backoff.failed(1, asked=10 * LONGEST_ASKED)
    assert LONGEST_ASKED - 5 < backoff.wait() <= LONGEST_ASKED
    backoff.succeeded()
    assert (backoff.failures(), backoff.wait()) == (0, 0)


def test_a_clock_corrected_by_a_second_does_not_end_a_long_wait(tmp_path: Path) -> None:
    (tmp_path / "retry").write_text(f"1 {time.time() + LONGEST_ASKED + 1}\n")
    assert Backoff(str(tmp_path)).wait() == LONGEST_ASKED


def test_a_clock_set_back_does_not_block_for_ever(tmp_path: Path) -> None:
    (tmp_path / "retry").write_text(f"3 {time.time() + 10 * LONGEST_ASKED}\n")
    assert Backoff(str(tmp_path)).wait() == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120", 120), ("", 0), ("soon", 0), ("-5", 0), ("²", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after_is_read(text: str, seconds: float) -> None:
    assert _seconds(text) == seconds


def test_retry_after_may_be_a_date() -> None:
    assert 110 < _seconds(formatdate(time.time() + 120, usegmt=True)) <= 120


def test_a_tool_that_waits_for_its_children_does_not_meet_the_sender(
    home: Home, server: Server
) -> None:
    tool = home.write("""
with monitor.operation("x"): pass
monitor.hand_off()
try:
    print(os.wait())
except ChildProcessError:
    print("no children", flush=True)
os._exit(0)
""")
    assert home.run(tool).stdout == "no children\n"
    home.settle()
    assert len(server.reports) == 1


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes the Linux way")
def test_runs_in_a_row_share_one_sender_and_it_goes(home: Home, server: Server) -> None:
    tool = home.write(ONE)
    seen = set()
    for _ in range(12):
        home.run(tool)
        now = senders(home)
        assert len(now) <= 1
        seen.update(now)
    home.settle()
    assert len(server.reports) == 12
    assert len(seen) == 1  # for runs less than LINGER apart
    assert Lock(str(home.state), SENDER_LOCK, patience=LIFETIME).take()
    assert until(lambda: not senders(home))
