"""Crashes: each is reported once, names its place, and tells nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wald.crash import describe, module_of

from .home import Home
from .server import Reply, Server

CANARY = "canary-7f3a"
SENTRY = "http://{key}@{host}/42"


def errors(server: Server) -> list[dict[str, Any]]:
    return [report for report in server.reports if report["kind"] == "error"]


def everything(home: Home, server: Server) -> bytes:
    """Return every byte that was sent, and every byte that was kept."""
    sent = [json.dumps([r.path, r.headers]).encode() + r.body for r in server.requests]
    kept = [path.read_bytes() for path in home.state.rglob("*") if path.is_file()]
    return b"".join(sent + kept)


def test_a_crash_is_two_reports_and_passes_unchanged(home: Home, server: Server) -> None:
    tool = home.write("""
def work(): return {}["missing"]
with monitor.operation("install", solution="clamav"):
    work()
""")
    done = home.run(tool)
    assert done.returncode == 1
    assert done.stderr.endswith("KeyError: 'missing'\n")
    assert "wald" not in done.stderr.split("Traceback")[1]
    home.settle()
    error, run = server.reports
    assert (run["kind"], run["outcome"], run["operation"]) == ("run", "error", "install")
    assert (error["kind"], error["operation"], error["solution"]) == ("error", "install", "clamav")
    assert "outcome" not in error
    assert error["error"] == {
        "fingerprint": error["error"]["fingerprint"],
        "type": "KeyError",
        "where": "tool:work",
    }
    assert len(error["error"]["fingerprint"]) == 16
    assert error["install"] == run["install"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("def late(): raise ValueError\nlate()", "tool:late"),
        (
            "import threading\ndef late(): raise ValueError\n"
            "t = threading.Thread(target=late); t.start(); t.join()",
            "tool:late",
        ),
        (
            "with monitor.operation('a'):\n  import threading\n  def late(): raise ValueError\n"
            "  t = threading.Thread(target=late); t.start(); t.join()",
            "tool:late",
        ),
        (
            "class C:\n  def go(self): int('x')\nwith monitor.operation('a'):\n"
            "  with monitor.operation('b'):\n    C().go()",
            "tool:C.go",
        ),
        (
            "import asyncio\nasync def task(): raise ValueError\nasync def main():\n"
            "  monitor.watch_loop(asyncio.get_running_loop())\n  asyncio.create_task(task())\n"
            "  await asyncio.sleep(0)\nasyncio.run(main())",
            "tool:task",
        ),
        ("import json\n@monitor.operation('x')\ndef f(): json.loads('{')\nf()", "tool:f"),
    ],
)
def test_each_crash_is_reported_once(home: Home, server: Server, body: str, where: str) -> None:
    home.run(home.write(body))
    home.settle()
    assert [report["error"]["where"] for report in errors(server)] == [where]


def test_a_handled_exception_between_operations_is_still_a_crash(
    home: Home, server: Server
) -> None:
    home.run(
        home.write("""
for name in ("a", "b"):
    try:
        with monitor.operation(name): raise OSError(name)
    except OSError: pass
""")
    )
    home.settle()
    assert [report["operation"] for report in errors(server)] == ["a", "b"]
    assert len({report["error"]["fingerprint"] for report in errors(server)}) == 1


def test_the_hook_that_was_there_is_called(home: Home, server: Server) -> None:
    body = "import sys\nsys.excepthook = lambda *a: print('mine', a[0].__name__)\n"
    tool = home.write("raise ValueError")
    tool.write_text(body + tool.read_text())
    assert home.run(tool).stdout == "mine ValueError\n"
    home.settle()
    assert len(errors(server)) == 1


THREAD = """
import threading
threading.excepthook = lambda given: print("mine", given.exc_type.__name__)
"""
FAIL_IN_THREAD = """
def fail(): raise ValueError
thread = threading.Thread(target=fail); thread.start(); thread.join()
"""
FAIL_IN_LOOP = """
import asyncio
async def fail(): raise ValueError
async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, c: print("mine", type(c["exception"]).__name__))
    monitor.watch_loop(loop)
    asyncio.create_task(fail())
    await asyncio.sleep(0)
asyncio.run(main())
"""


@pytest.mark.parametrize(("before", "body"), [(THREAD, FAIL_IN_THREAD), ("", FAIL_IN_LOOP)])
def test_the_handlers_that_were_there_are_called(
    home: Home, server: Server, before: str, body: str
) -> None:
    tool = home.write(body)
    tool.write_text(before + tool.read_text())
    assert home.run(tool).stdout == "mine ValueError\n"
    home.settle()
    assert [report["error"]["where"] for report in errors(server)] == ["tool:fail"]


def test_a_fingerprint_knows_no_lines_paths_versions_or_messages(
    home: Home, server: Server
) -> None:
    body = "def work(): raise ValueError('{0}')\nwith monitor.operation('x'): work()"
    home.run(home.write(body.format("one")))
    elsewhere = Home(home.folder / "else where", server.url)
    elsewhere.run(elsewhere.write("\n\n\n# moved\n" + body.format("two"), package="tool"))
    home.settle()
    elsewhere.settle()
    first, second = errors(server)
    assert first["install"] != second["install"]
    assert first["error"] == second["error"]


def test_where_is_the_innermost_frame_of_ones_own_code() -> None:
    def fails() -> None:
        json.loads("{")

    own = describe(_raised(fails), (__name__,))
    assert own["where"].endswith(
        ":test_where_is_the_innermost_frame_of_ones_own_code.<locals>.fails"
    )
    assert own["type"] == "JSONDecodeError"
    # Where nothing of it is one's own, the innermost frame has to do.
    assert describe(_raised(fails), ("other",))["where"].startswith("json.decoder:")
    assert describe(ValueError(), ("other",))["where"] == "unknown:unknown"
    assert describe(_raised(fails), ("tests.collector.test",))["where"].startswith("json.decoder:")


def test_the_main_module_has_the_name_it_is_installed_under() -> None:
    class Spec:
        name = "tool.cli"

    assert module_of({"__name__": "tool.cli"}) == "tool.cli"
    assert (
        module_of({"__name__": "__main__", "__spec__": Spec, "__file__": "/x/cli.py"}) == "tool.cli"
    )
    assert module_of({"__name__": "__main__", "__spec__": None, "__file__": "/x/a.py"}) == "a"
    assert module_of({"__name__": "__main__", "__file__": "C:\\Users\\me\\a.py"}) == "a"
    assert module_of({"__name__": "__main__"}) == "__main__"


def crash_among_canaries(home: Home, server: Server) -> None:
    """Crash a tool that has a canary wherever a person could be named."""
    tool = home.write(
        f"""
import socket
socket.gethostname = lambda: "{CANARY}-host"
def work(argument):
    local = "{CANARY}-local"
    try:
        raise KeyError("{CANARY}-cause")
    except KeyError as error:
        error.add_note("{CANARY}-note")
        os.stat("{CANARY}-path/" + argument)
with monitor.operation("install"):
    work("{CANARY}-argument")
""",
        dsn=SENTRY.format(key="public", host=server.host),
    )
    private = home.folder / f"{CANARY}-folder"
    private.mkdir()
    tool = tool.rename(private / "tool.py")
    env = {
        "USER": f"{CANARY}-user",
        "HOSTNAME": f"{CANARY}-host",
        "SENTRY_ENVIRONMENT": f"{CANARY}-environment",
        "SENTRY_RELEASE": f"{CANARY}-release",
        "SENTRY_DSN": f"http://{CANARY}@{server.host}/1",
    }
    done = home.run(tool, f"{CANARY}-argv", env=env)
    assert f"{CANARY}-path" in done.stderr  # the tool itself shows what it always shows
    home.settle()


def test_a_crash_reaches_sentry_and_names_nobody(home: Home, server: Server) -> None:
    crash_among_canaries(home, server)
    [report] = errors(server)
    [request] = [request for request in server.requests if request.path != "/v1/reports"]
    assert request.path == "/api/42/envelope/"
    assert "sentry_key=public" in request.headers["X-Sentry-Auth"]
    head, _, payload = request.body.split(b"\n")[:3]
    event = json.loads(payload)
    assert json.loads(head)["event_id"] == event["event_id"] == report["error"]["sentry_event"]
    assert event["tags"] == {
        "wald.fingerprint": report["error"]["fingerprint"],
        "operation": "install",
    }
    assert event["user"] == {"id": report["install"]}
    assert event["release"] == "tool@1.0"
    assert event["environment"] == "production"
    cause, value = event["exception"]["values"]
    assert cause["type"] == "KeyError"
    assert value["type"] == "FileNotFoundError"
    assert "value" not in value
    frames = [(f["module"], f["function"], f["in_app"]) for f in value["stacktrace"]["frames"]]
    assert frames == [("tool", "<module>", True), ("tool", "work", True)]
    assert CANARY.encode() not in everything(home, server)
    assert str(home.folder).encode() not in everything(home, server)


def test_what_waits_on_disk_names_nobody_either(home: Home, server: Server) -> None:
    server.answer = lambda request: Reply(503)
    home.remember_failures()
    (home.state / "retry-sentry").write_text("6 0\n")
    crash_among_canaries(home, server)
    assert [report["kind"] for report in home.spooled()] == ["error", "run"]
    [event] = home.state.glob("event-*")
    assert b"FileNotFoundError" in event.read_bytes()
    assert CANARY.encode() not in everything(home, server)
    assert str(home.folder).encode() not in everything(home, server)


def test_sentry_that_is_down_gets_the_event_later(home: Home, server: Server) -> None:

    server.answer = lambda r: Reply(503 if r.path != "/v1/reports" else 200)
    (home.state).mkdir(parents=True)
    (home.state / "retry-sentry").write_text("6 0\n")
    dsn = SENTRY.format(key="k", host=server.host)
    home.run(home.write("1 / 0", dsn=dsn))
    home.settle()
    assert len(errors(server)) == 1
    assert [path.name[:6] for path in home.state.glob("event-*")] == ["event-"]
    server.answer = lambda r: Reply()
    home.forget_backoff()
    home.run(home.write("with monitor.operation('fine'): pass", dsn=dsn))
    home.settle()
    bodies = [r.body for r in server.requests if r.path == "/api/42/envelope/"]
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert list(home.state.glob("event-*")) == []


def test_without_sentry_sdk_a_crash_is_still_reported(home: Home, server: Server) -> None:
    (home.folder / "sentry_sdk").mkdir()
    (home.folder / "sentry_sdk" / "__init__.py").write_text("raise ImportError('not here')")
    home.run(home.write("1 / 0", dsn=SENTRY.format(key="k", host=server.host)))
    home.settle()
    assert errors(server)[0]["error"]["type"] == "ZeroDivisionError"
    assert "sentry_event" not in errors(server)[0]["error"]


def _raised(action: Any) -> BaseException:
    try:
        action()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_an_impatient_user_does_not_hide_the_crash(home: Home, server: Server) -> None:
    tool = home.write("""
class Slow(Metric):
    "Takes so long that the user presses Ctrl-C."
    IDENTIFIER = "slow"
    def _get(self): raise KeyboardInterrupt
with monitor.operation("x"):
    1 / 0
""")
    assert home.run(tool).stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
