"""What a tool does arrives as reports, and the tool itself notices nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import zipapp
from typing import Any

import pytest

from wald.report import ID_PATTERN, pseudonym

from .home import EXAMPLE, ROOT, Home
from .server import Server

AUTH_LOG = """\
Nov 22 10:00:00 host sshd[1]: Failed password for root from 192.0.2.1 port 1
Nov 22 11:00:00 host sshd[1]: Failed password for root from 192.0.2.1 port 1
Nov 22 11:30:00 host sshd[1]: Invalid user x from 192.0.2.7 port 1
"""


def runs(server: Server) -> list[dict[str, Any]]:
    return [report for report in server.reports if report["kind"] == "run"]


def outcomes(server: Server) -> dict[str, str]:
    return {report["operation"]: report["outcome"] for report in runs(server)}


def test_the_first_run_arrives_whole(home: Home, server: Server) -> None:
    before = time.time() * 1000
    tool = home.write("with monitor.operation('install', solution='fail2ban'): pass")
    assert home.run(tool).returncode == 0
    home.settle()

    [request] = server.requests
    assert request.path == "/v1/reports"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.body)["schema"] == 1
    [report] = server.reports
    secret, name = (home.state / "install").read_text().split()
    assert re.fullmatch(ID_PATTERN, report.pop("id"))
    assert before <= report.pop("time") <= time.time() * 1000
    assert 0 <= report.pop("duration_ms") < 60_000
    metrics = report.pop("metrics")
    assert report == {
        "app": "tool",
        "install": pseudonym(bytes.fromhex(secret)),
        "kind": "run",
        "operation": "install",
        "solution": "fail2ban",
        "outcome": "ok",
        "ci": False,
        "dropped": 0,
    }
    assert report["install"] == name
    assert set(metrics) == {"os", "os_version", "py_version", "package_version", "timezone"}
    assert metrics["os"] == "Linux"
    assert metrics["package_version"] == "1.0"
    assert metrics["timezone"] == "UTC+00:00"
    assert home.spooled() == []
    assert (home.state / "install").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("ending", "outcome", "status"),
    [
        ("pass", "ok", 0),
        ("sys.exit()", "ok", 0),
        ("sys.exit(0)", "ok", 0),
        ("sys.exit(1)", "error", 1),
        ("sys.exit('no such file')", "error", 1),
        ("sys.exit(130)", "cancelled", 130),
        ("raise KeyboardInterrupt", "cancelled", -2),
        ("raise FileNotFoundError('x')", "error", 1),
        ("o.outcome = 'error'", "error", 0),
    ],
)
def test_how_an_operation_ends(
    home: Home, server: Server, ending: str, outcome: str, status: int
) -> None:
    tool = home.write(
        f"with monitor.operation('work') as o:\n    {ending}", expected=(FileNotFoundError,)
    )
    tool.write_text(tool.read_text().replace("<class 'FileNotFoundError'>", "FileNotFoundError"))
    assert home.run(tool).returncode == status
    home.settle()
    assert [report["kind"] for report in server.reports] == ["run"]
    assert outcomes(server) == {"work": outcome}


def test_decorated_functions_are_operations(home: Home, server: Server) -> None:
    tool = home.write("""
import asyncio
@monitor.operation("add", solution="x")
def add(a: int, b: int) -> int:
    "Adds."
    return a + b
@monitor.operation("wait")
async def wait() -> str:
    await asyncio.sleep(0.2)
    return "waited"
assert (add(1, b=2), add(3, 4), add.__name__, add.__doc__) == (3, 7, "add", "Adds.")
assert asyncio.run(wait()) == "waited"
""")
    assert home.run(tool).stderr.count("\n") == 6  # the notice, and no word more
    home.settle()
    assert [report["operation"] for report in runs(server)] == ["add", "add", "wait"]
    assert runs(server)[2]["duration_ms"] >= 200


def test_a_generator_is_an_operation_until_it_is_through(home: Home, server: Server) -> None:
    tool = home.write("""
@monitor.operation("count")
def count(to):
    told = 0
    while told < to:
        try:
            told = (yield told) or told + 1
        except KeyError:
            told = 7
    return "done"
assert list(count(2)) == [0, 1]
def outer():
    result = yield from count(9)
    assert result == "done"
steps = outer()
assert (next(steps), steps.send(3), steps.throw(KeyError), list(steps)) == (0, 3, 7, [8])
left = count(9)
next(left)
left.close()
failing = count("none")
try:
    next(failing)
except TypeError:
    print("raised")
""")
    assert home.run(tool).stdout == "raised\n"
    home.settle()
    assert [r["outcome"] for r in runs(server)] == ["ok", "ok", "cancelled", "error"]


def test_an_asynchronous_generator_too(home: Home, server: Server) -> None:
    tool = home.write("""
import asyncio
closed = []
@monitor.operation("count")
async def count(to):
    told = 0
    try:
        while told < to:
            await asyncio.sleep(0)
            try:
                told = (yield told) or told + 1
            except KeyError:
                told = 7
    finally:
        await asyncio.sleep(0)
        closed.append(to)
async def main():
    assert [n async for n in count(2)] == [0, 1]
    steps = count(9)
    assert (await anext(steps), await steps.asend(3), await steps.athrow(KeyError)) == (0, 3, 7)
    assert [n async for n in steps] == [8]
    left = count(8)
    await anext(left)
    await left.aclose()
    assert closed == [2, 9, 8]
    try:
        await anext(count("none"))
    except TypeError:
        print("raised")
asyncio.run(main())
""")
    assert home.run(tool).stdout == "raised\n"
    home.settle()
    assert [r["outcome"] for r in runs(server)] == ["ok", "ok", "cancelled", "error"]


def test_a_decorator_without_a_name_is_refused(home: Home) -> None:
    tool = home.write("@monitor.operation\ndef work(): pass")
    assert 'write @monitor.operation("...")' in home.run(tool).stderr


def test_an_operation_left_by_fork_is_reported_once(home: Home, server: Server) -> None:
    tool = home.write("""
with monitor.operation("outer"):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
# Both come by here, and both end as Python programs do.
with monitor.operation("parent" if child else "child"): pass
""")
    assert home.run(tool).returncode == 0
    home.settle()
    assert sorted(r["operation"] for r in runs(server)) == ["child", "outer", "parent"]


def test_operations_of_many_threads_all_arrive(home: Home, server: Server) -> None:
    tool = home.write("""
import threading
def work(number):
    for step in range(5):
        with monitor.operation(f"t{number}.{step}"): pass
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
""")
    assert home.run(tool).returncode == 0
    home.settle()
    expected = sorted(f"t{n}.{s}" for n in range(8) for s in range(5))
    assert sorted(r["operation"] for r in runs(server)) == expected


def test_a_killed_run_leaves_its_reports_to_the_next(home: Home, server: Server) -> None:
    tool = home.write("""
with monitor.operation(sys.argv[1]): pass
if sys.argv[1] == "first": os._exit(9)
""")
    assert home.run(tool, "first").returncode == 9
    assert server.requests == []
    home.run(tool, "second")
    home.settle()
    assert list(outcomes(server)) == ["first", "second"]


def test_many_runs_at_once_lose_and_double_nothing(home: Home, server: Server) -> None:
    tool = home.write("for i in range(3):\n    with monitor.operation(f'{sys.argv[1]}.{i}'): pass")
    processes = [
        subprocess.Popen(
            [sys.executable, str(tool), str(n)],
            env=home.variables,
            stderr=subprocess.DEVNULL,
        )
        for n in range(20)
    ]
    assert [process.wait() for process in processes] == [0] * 20
    home.settle()
    ids = [report["id"] for report in server.reports] + [r["id"] for r in home.spooled()]
    assert len(ids) == len(set(ids)) == 60
    # A sender that finds reports written while it was at work takes them along.
    assert home.spooled() == []
    assert len({report["install"] for report in server.reports}) == 1
    assert len(server.requests) < 20


def test_ci_is_marked(home: Home, server: Server) -> None:
    tool = home.write("with monitor.operation('x'): pass")
    home.run(tool, env={"GITHUB_ACTIONS": "true"})
    home.run(tool, env={"CI": "false"})
    home.settle()
    assert [report["ci"] for report in server.reports] == [True, False]


def test_an_application_may_keep_ci_out(home: Home, server: Server) -> None:
    tool = home.write("with monitor.operation('x'): pass", ci="off")
    home.run(tool, env={"JENKINS_URL": "http://ci.invalid"})
    home.settle()
    assert server.requests == []
    assert home.files() == set()


def test_the_example_works_and_reports(home: Home, server: Server) -> None:
    example = Home(home.folder, server.url, app="logtally")
    log = home.folder / "auth.log"
    log.write_text(AUTH_LOG)
    done = example.run(EXAMPLE, "top", "sshd", str(log))
    assert done.stdout.split() == ["2", "192.0.2.1", "1", "192.0.2.7"]
    assert example.run(EXAMPLE, "gaps", "sshd", str(log)).stdout.startswith("1:00:00 from")
    assert "11:00        2 ####" in example.run(EXAMPLE, "hours", "sshd", str(log)).stdout
    assert example.run(EXAMPLE, "top", "nginx", str(log)).returncode == 1
    log.write_bytes(AUTH_LOG.encode() + b"\xff\n")
    assert "UnicodeDecodeError" in example.run(EXAMPLE, "top", "sshd", str(log)).stderr
    example.settle()

    seen = [(r["operation"], r["solution"], r["outcome"]) for r in runs(server)]
    assert seen == [
        ("top", "sshd", "ok"),
        ("gaps", "sshd", "ok"),
        ("hours", "sshd", "ok"),
        ("top", "nginx", "error"),
        ("top", "sshd", "error"),
    ]
    [crash] = [report for report in server.reports if report["kind"] == "error"]
    assert (crash["error"]["type"], crash["error"]["where"]) == (
        "UnicodeDecodeError",
        "logtally:read",
    )
    assert {report["metrics"]["output"] for report in server.reports} == {"pipe"}


def test_an_argument_in_another_encoding_arrives(home: Home, server: Server) -> None:
    tool = home.write("with monitor.operation('x', solution=os.fsdecode(b'caf\\xe9')): pass")
    home.run(tool)
    home.settle()
    assert [report["solution"] for report in server.reports] == ["caf?"]


def test_nothing_heavy_is_imported(home: Home, server: Server) -> None:
    tool = home.write("""
with monitor.operation("x"): pass
monitor.hand_off()
heavy = {"ssl", "http", "urllib", "socket", "uuid", "importlib.metadata", "sentry_sdk", "email",
         "subprocess", "threading", "json", "hashlib", "typing", "dataclasses", "inspect", "re"}
print(sorted(heavy & set(sys.modules)))
""")
    home.run(tool)  # makes the secret, which takes hashlib
    done = subprocess.run(
        # Without site, whose path files import more than the collector does.
        [sys.executable, "-S", str(tool)],
        env=home.variables,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "[]\n"
    home.settle()
    assert len(server.reports) == 2


def test_the_one_line_ways_import_nothing_either(home: Home, server: Server) -> None:
    tool = home.write("""
import argparse, locale, shutil  # argparse itself imports these sooner or later
before = set(sys.modules)
parser = argparse.ArgumentParser()
commands = parser.add_subparsers()
commands.add_parser("work").set_defaults(func=lambda given: None)
monitor.add_commands(commands)
monitor.instrument(parser)
given = parser.parse_args()
given.func(given)
monitor.hand_off()
print(sorted(m for m in set(sys.modules) - before if not m.startswith("wald.")))
""")
    home.run(tool, "work")
    done = home.run(tool, "work")
    assert done.stdout == "[]\n"
    home.settle()
    assert [report["operation"] for report in server.reports] == ["work", "work"]


def test_a_zipped_application_reports_too(home: Home, server: Server) -> None:
    source = home.folder / "source"
    shutil.copytree(ROOT / "collector" / "wald", source / "wald")
    home.write("with monitor.operation('x'): pass").rename(source / "__main__.py")
    zipapp.create_archive(source, home.folder / "tool.pyz")
    home.variables["PYTHONPATH"] = ""
    home.run(home.folder / "tool.pyz")
    home.settle()
    assert [report["operation"] for report in server.reports] == ["x"]
