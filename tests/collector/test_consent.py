"""Off means off, on every path; and nobody is reported on who was not told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.patience import until
from wald.consent import Environment, decide
from wald.sender import Sender

from .home import Home
from .server import Reply, Request, Server

EVERY_PATH = """
import asyncio, atexit, threading
def fail(): raise ValueError("thread")
async def fail_later(): raise OSError("loop")
async def loop():
    monitor.watch_loop(asyncio.get_running_loop())
    asyncio.create_task(fail_later())
    await asyncio.sleep(0)
with monitor.operation("run"): pass
monitor.hand_off()
thread = threading.Thread(target=fail); thread.start(); thread.join()
asyncio.run(loop())
if os.fork() == 0:
    with monitor.operation("child"): pass
    sys.exit()
os.wait()
try:
    with monitor.operation("exit"): sys.exit(3)
except SystemExit: pass
@atexit.register
@monitor.operation("at exit")
def last(): pass
@monitor.operation("crash")
def crash(): raise KeyError("main")
crash()
"""

WATCH = """
import os, sys
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
SPEAKING = {"os.posix_spawn", "os.exec", "subprocess.Popen", "socket.connect", "socket.getaddrinfo"}
CHANGING = {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}
def hook(event, given):
    if event in SPEAKING | CHANGING or event == "open" and given[2] & WRITING:
        os.write(2, f"DID {event}\\n".encode())
sys.addaudithook(hook)
"""
"""What Python runs at its start, to tell of all that a tool does to its disk and the network."""
DSN = "http://key@{host}/1"


def opt_out(home: Home, how: str) -> dict[str, str]:
    """Say no, in one of the ways there are; return the environment for it."""
    if how == "file":
        home.choice.parent.mkdir(parents=True)
        home.choice.write_text("off\n")
        return {}
    name, _, value = how.partition("=")
    return {name: value}


def watched(home: Home, **options: object) -> Path:
    """Write a tool that goes every path, and prints what it does to disk and network."""
    (home.folder / "sitecustomize.py").write_text(WATCH)
    home.variables["PYTHONPATH"] += f":{home.folder}"
    home.variables["PYTHONDONTWRITEBYTECODE"] = "1"
    return home.write(EVERY_PATH, **options)  # type: ignore[arg-type]


OPT_OUTS = ["DO_NOT_TRACK=1", "DO_NOT_TRACK=yes", "TOOL_TELEMETRY=off", "TOOL_TELEMETRY=0", "file"]


@pytest.mark.parametrize("how", OPT_OUTS)
def test_off_sends_no_byte_and_writes_no_file(home: Home, server: Server, how: str) -> None:
    tool = watched(home, dsn=DSN.format(host=server.host))
    variables = opt_out(home, how)
    before = home.files()
    done = home.run(tool, env=variables)
    shown = home.run_on_terminal(tool, env=variables)
    assert "KeyError: 'main'" in done.stderr
    assert "reports to" not in done.stderr + shown
    assert "DID" not in done.stderr + shown
    assert home.files() == before
    assert server.requests == []


def test_on_every_path_reports(home: Home, server: Server) -> None:
    """Or the test above would prove nothing."""
    did = home.run(watched(home, dsn=DSN.format(host=server.host))).stderr
    assert {"DID os.posix_spawn", "DID open", "DID os.mkdir"} <= set(did.splitlines())
    assert "DID socket" not in did  # that is the sender's part
    home.settle()
    runs = [report["operation"] for report in server.reports if report["kind"] == "run"]
    assert sorted(runs) == ["at exit", "child", "crash", "exit", "run"]
    errors = [report["error"]["type"] for report in server.reports if report["kind"] == "error"]
    assert sorted(errors) == ["KeyError", "OSError", "ValueError"]
    assert len([r for r in server.requests if r.path == "/api/1/envelope/"]) == 3


@pytest.mark.parametrize("how", OPT_OUTS)
def test_off_deletes_what_was_there(home: Home, server: Server, how: str) -> None:
    tool = home.write("with monitor.operation('x'): pass\nos._exit(0)")
    home.run(tool)
    assert home.spooled()
    variables = opt_out(home, how)
    home.run(tool, env=variables)
    assert not home.state.parent.exists()
    assert server.requests == []


@pytest.mark.parametrize("choice", [None, "on"])
def test_a_no_while_the_tool_runs_counts_at_once(
    home: Home, server: Server, choice: str | None
) -> None:
    if choice:
        home.choice.parent.mkdir(parents=True)
        home.choice.write_text(choice)
    tool = home.write("""
with monitor.operation("before"): pass
os.makedirs(os.path.expanduser("~/.config/tool"), exist_ok=True)
open(os.path.expanduser("~/.config/tool/telemetry"), "w").write("off")
with monitor.operation("after"): pass
""")
    home.run(tool)
    assert not home.state.exists()
    assert server.requests == []


@pytest.mark.parametrize("how", OPT_OUTS)
def test_the_sender_asks_again(home: Home, server: Server, how: str) -> None:
    tool = home.write("with monitor.operation('x'): pass\nos._exit(0)")
    home.run(tool)
    assert home.spooled()
    Sender(Environment("tool", home.variables | opt_out(home, how)), server.url).deliver()
    assert not home.state.exists()
    assert server.requests == []


def test_the_sender_asks_before_every_request(home: Home, server: Server) -> None:
    def answer(request: Request) -> Reply:
        opt_out(home, "file")
        return Reply()

    server.answer = answer
    home.run(home.write("for i in range(620):\n    with monitor.operation('x'): pass"))
    assert until(lambda: not home.state.exists())
    assert len(server.reports) == 500


def test_without_a_terminal_nobody_was_told_and_nothing_is_kept(home: Home, server: Server) -> None:
    tool = home.write(EVERY_PATH, consent=None)
    assert "reports to" not in home.run(tool).stderr
    assert home.files() == set()
    assert server.requests == []


def test_told_on_a_terminal_once_the_first_run_counts(home: Home, server: Server) -> None:
    tool = home.write("with monitor.operation('x'): pass", consent=None)
    notice = home.run_on_terminal(tool)
    assert notice.count("\n") <= 6
    for needed in (
        "tool reports to its maintainers",
        server.url,
        "https://docs.invalid/x",
        "TOOL_TELEMETRY=off",
        "DO_NOT_TRACK=1",
        str(home.choice),
    ):
        assert needed in notice
    assert home.run_on_terminal(tool) == ""
    assert home.run(tool).stderr == ""
    home.settle()
    assert len(server.reports) == 3


def test_who_turned_it_on_needs_no_notice(home: Home, server: Server) -> None:
    tool = home.write("with monitor.operation('x'): pass", consent=False)
    home.run(tool)
    assert home.files() == set()
    assert home.run(tool, env={"TOOL_TELEMETRY": "on"}).stderr == ""
    home.choice.parent.mkdir(parents=True)
    home.choice.write_text("on\n")
    assert home.run_on_terminal(tool) == ""
    home.settle()
    assert len(server.reports) == 2


@pytest.mark.parametrize(
    ("variables", "choice", "default", "on"),
    [
        ({}, None, True, True),
        ({}, None, False, False),
        ({}, None, None, True),
        ({}, "on", False, True),
        ({}, "off", True, False),
        ({}, "perhaps", True, False),
        ({"A_B_TELEMETRY": "on"}, "off", False, True),
        ({"A_B_TELEMETRY": "1"}, "off", False, True),
        ({"A_B_TELEMETRY": "off"}, "on", True, False),
        ({"A_B_TELEMETRY": "disable"}, "on", True, False),
        ({"A_B_TELEMETRY": ""}, "on", False, True),
        ({"DO_NOT_TRACK": "1", "A_B_TELEMETRY": "on"}, "on", True, False),
        ({"DO_NOT_TRACK": "please"}, None, True, False),
        ({"DO_NOT_TRACK": "0"}, None, True, True),
        ({"DO_NOT_TRACK": "false"}, None, True, True),
        ({"DO_NOT_TRACK": ""}, None, True, True),
    ],
)
def test_who_decides(
    tmp_path: Path, variables: dict[str, str], choice: str | None, default: bool | None, on: bool
) -> None:
    if choice is not None:
        (tmp_path / ".config/a-b").mkdir(parents=True)
        (tmp_path / ".config/a-b/telemetry").write_text(choice)
    environment = Environment("a-b", {"HOME": str(tmp_path), **variables}, platform="linux")
    assert decide(environment, default).on is on


def test_folders_are_the_customary_ones(tmp_path: Path) -> None:
    home = str(tmp_path)

    def places(platform: str, **variables: str) -> tuple[str | None, str | None]:
        environment = Environment("t", variables, platform)
        return environment.state, environment.choice_file

    assert places("linux", HOME=home) == (
        f"{home}/.local/state/t/telemetry",
        f"{home}/.config/t/telemetry",
    )
    assert places("linux", HOME=home, XDG_STATE_HOME="/s", XDG_CONFIG_HOME="/c") == (
        "/s/t/telemetry",
        "/c/t/telemetry",
    )
    assert places("linux", HOME=home, XDG_STATE_HOME="relative")[0] == (
        f"{home}/.local/state/t/telemetry"
    )
    assert places("darwin", HOME=home) == (
        f"{home}/Library/Application Support/t/telemetry",
        f"{home}/Library/Preferences/t/telemetry",
    )
    windows = places("win32", LOCALAPPDATA="L:", APPDATA="R:")
    assert windows == (os.path.join("L:", "t", "telemetry"), os.path.join("R:", "t", "telemetry"))
    assert places("win32") == (None, None)
    assert places("linux", HOME=f"{home}/missing") == (None, None)


def test_a_missing_home_is_not_made(home: Home, server: Server) -> None:
    tool = home.write("with monitor.operation('x'): pass")
    missing = home.folder / "missing"
    done = home.run(tool, env={"HOME": str(missing)})
    assert (done.returncode, done.stderr) == (0, "")
    assert not missing.exists()
    assert server.requests == []


def test_a_home_that_takes_nothing_harms_nothing(home: Home, server: Server) -> None:
    (home.folder / ".local").write_text("a file where a folder should be")
    tool = home.write("with monitor.operation('x'): print('done')")
    done = home.run(tool)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
    assert home.files() == {".local"}
    assert server.requests == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a home away")
def test_root_leaves_nothing_in_a_users_home(home: Home, server: Server) -> None:
    os.chown(home.folder, 12345, 12345)
    done = home.run(home.write("with monitor.operation('x'): pass"))
    assert (done.returncode, done.stderr) == (0, "")
    assert home.files() == set()
    assert server.requests == []
