"""Workers, signals, versions side by side, missing files: what docs/collector.md says of them."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from wald.handoff import SENDER_LOCK
from wald.spool import Lock

from .home import Home
from .server import Holding, Server

WORKERS = """
import multiprocessing
def work(number):
    with monitor.operation(f"work-{{number}}"):
        if number == 3: raise ValueError
if __name__ == "__main__":
    multiprocessing.set_start_method("{method}")
    with monitor.operation("main"):
        processes = [multiprocessing.Process(target=work, args=(n,)) for n in range(4)]
        for process in processes: process.start()
        for process in processes: process.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_report_what_they_do(home: Home, server: Server, method: str) -> None:
    assert home.run(home.write(WORKERS.format(method=method))).returncode == 0
    home.settle()
    seen = sorted((r["kind"], r["operation"], r.get("outcome")) for r in server.reports)
    assert seen == [
        ("error", "work-3", None),
        ("run", "main", "ok"),
        *(("run", f"work-{n}", "ok") for n in range(3)),
        ("run", "work-3", "error"),
    ]
    [error] = [report["error"] for report in server.reports if report["kind"] == "error"]
    assert error["where"] == "tool:work"  # whatever Python calls the module in a worker
    assert len({report["install"] for report in server.reports}) == 1


TERMINATED = """
import signal, time
{handler}
with monitor.operation("before"): pass
with monitor.operation("during"):
    print("ready", flush=True)
    time.sleep(600)
"""
AS_EXIT = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))"


def terminate(home: Home, handler: str) -> int:
    """Run a tool until it is at work, then end it with SIGTERM; return its status."""
    process = subprocess.Popen(
        [sys.executable, str(home.write(TERMINATED.format(handler=handler)))],
        env=home.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    process.stdout.close()
    return process.wait()


def test_sigterm_leaves_what_was_spooled_to_the_next_run(home: Home, server: Server) -> None:
    assert terminate(home, "") == -signal.SIGTERM
    assert [report["operation"] for report in home.spooled()] == ["before"]
    home.run(home.write("with monitor.operation('next'): pass"))
    home.settle()
    assert [report["operation"] for report in server.reports] == ["before", "next"]


def test_a_tool_that_exits_on_sigterm_reports_it(home: Home, server: Server) -> None:
    assert terminate(home, AS_EXIT) == 143
    home.settle()
    seen = [(report["operation"], report["outcome"]) for report in server.reports]
    assert seen == [("before", "ok"), ("during", "error")]


def test_two_versions_side_by_side_share_an_install(home: Home, server: Server) -> None:
    tool = home.write("with monitor.operation('x'): pass")
    newer = tool.with_name("newer.py")
    newer.write_text(tool.read_text().replace('"1.0"', '"2.0"'))
    for each in (tool, newer, tool):
        home.run(each)
    home.settle()
    versions = [report["metrics"]["package_version"] for report in server.reports]
    assert versions == ["1.0", "2.0", "1.0"]
    assert len({report["install"] for report in server.reports}) == 1


def test_a_frozen_tool_leaves_its_reports_to_one_that_is_not(home: Home, server: Server) -> None:
    """There sys.executable is the tool itself: as a sender it would be the tool once more."""
    tool = home.write("print('worked')\nwith monitor.operation('x'): pass")
    frozen = tool.with_name("frozen.py")
    frozen.write_text(f"import sys; sys.frozen = True; sys.executable = {str(home.folder)!r}\n")
    with frozen.open("a") as file:
        file.write(tool.read_text())
    assert home.run(frozen).stdout == "worked\n"
    assert len(home.spooled()) == 1
    assert not (home.state / SENDER_LOCK).exists()
    home.run(tool)
    home.settle()
    assert len(server.reports) == 2


@pytest.mark.parametrize("closed", ["<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_tool_without_standard_files_has_one_sender_too(
    home: Home, server: Server, closed: str
) -> None:
    """Its lock then has a number that the sender's own standard files take."""
    server.answer = held = Holding()
    tool = home.write("with monitor.operation('x'): pass", consent=None)
    home.state.mkdir(parents=True)
    (home.state / "notice-shown").touch()
    shell = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, str(tool)]
    assert subprocess.run(shell, env=home.variables).returncode == 0
    assert held.asked.wait(10)
    assert not Lock(str(home.state), SENDER_LOCK, patience=0).take()
    held.go.set()
    home.settle()
    assert [report["operation"] for report in server.reports] == ["x"]
