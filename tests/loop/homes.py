"""Who uses the example tool in the tests of the loop: what each does, and what must come of it."""

from __future__ import annotations

import gzip
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.loop.parts import ROOT

EXAMPLE = ROOT / "collector" / "examples" / "logtally.py"
NEW, OLD = "1.2.0", "1.1.0"

LINES = {
    "fail2ban": "2026-03-12 00:17:14,606 fail2ban.actions [812]: NOTICE [sshd] Ban 198.51.100.4\n",
    "nginx": '192.0.2.7 - - [12/Mar/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 12\n',
    "sshd": "Mar 12 10:00:00 host sshd[7]: Failed password for root from 203.0.113.9 port 4\n",
}

CRASHES = {
    "binary": ("UnicodeDecodeError", "logtally:read"),
    "no-gzip.gz": ("BadGzipFile", "logtally:read"),
    "wrong-time": ("ValueError", "logtally:read"),
    "full-disk": ("OSError", "logtally:hours"),
}
"""The logs on which the tool crashes, and the exception and place that its report must name."""

INTERRUPTIBLE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Starts a program that heeds Ctrl-C, also where the tests run in the background and don't."""


@dataclass(frozen=True)
class Run:
    """One call of the tool.

    `log` names what it is pointed at: ``good`` works, ``missing`` and ``empty`` end with an error
    of its own wording, ``interrupted`` with Ctrl-C, those in `CRASHES` with a crash.
    """

    command: str
    solution: str
    log: str = "good"
    version: str = NEW

    @property
    def error(self) -> tuple[str, str] | None:
        """Class and place of the crash; None where it does not crash."""
        return CRASHES.get(self.log)

    @property
    def succeeds(self) -> bool:
        """Whether it does what it was called for."""
        return self.log == "good"

    @property
    def status(self) -> int:
        """What it must end with."""
        return 0 if self.succeeds else -signal.SIGINT if self.log == "interrupted" else 1


@dataclass(frozen=True)
class Household:
    """A home with an install of the tool in it, and all that is done with it."""

    runs: tuple[Run, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    """Set for all its runs."""
    choice: str | None = None
    """What stands in the file of the user's choice."""
    terminal: bool = False
    ci: bool = False
    """Its reports must be marked as those of a CI service."""
    refused: bool = False
    """It must report nothing, and keep nothing."""
    other: tuple[str, ...] = ()
    """Arguments of one more call, which does nothing worth a report."""

    @property
    def reports(self) -> int:
        """How many must arrive: one a run, one more a crash."""
        return 0 if self.refused else sum(1 + (run.error is not None) for run in self.runs)

    @property
    def timezone(self) -> str:
        """How its reports must name its offset from UTC."""
        return {"IST-5:30": "UTC+05:30", "EST5": "UTC-05:00"}.get(
            self.variables.get("TZ", ""), "UTC+00:00"
        )


def _times(count: int, household: Household) -> list[Household]:
    return [household] * count


TOP = Run("top", "fail2ban")
HOUSEHOLDS = [
    *_times(9, Household((TOP,))),
    *_times(5, Household((Run("hours", "nginx"), Run("top", "nginx")), {"TZ": "IST-5:30"})),
    *_times(4, Household((Run("gaps", "sshd"), Run("gaps", "fail2ban"), Run("top", "nginx"), TOP))),
    *_times(3, Household((Run("top", "sshd", version=OLD), Run("top", "sshd")), {"TZ": "EST5"})),
    *_times(3, Household((Run("top", "nginx", version=OLD),) * 2)),
    *_times(2, Household((TOP, Run("hours", "sshd")), terminal=True)),
    # Ended with an error, without a crash.
    *_times(2, Household((Run("top", "nginx", "missing"), Run("top", "nginx")))),
    *_times(2, Household((Run("gaps", "sshd", "empty"),))),
    *_times(2, Household((Run("gaps", "nginx", "interrupted"),))),
    # Crashed.
    *_times(3, Household((Run("top", "fail2ban", "binary"),))),
    *_times(2, Household((TOP, Run("top", "fail2ban", "no-gzip.gz"), TOP), {"TZ": "IST-5:30"})),
    *_times(2, Household((Run("hours", "fail2ban", "wrong-time", OLD), TOP))),
    Household((Run("hours", "nginx", "full-disk"),)),
    Household((Run("top", "sshd", "binary"), Run("top", "nginx", "no-gzip.gz", OLD))),
    Household((Run("top", "sshd", "binary"), Run("gaps", "sshd", "binary"))),
    # Said yes.
    Household((TOP,), choice="on\n"),
    Household((TOP,), {"DO_NOT_TRACK": "0"}),
    Household((TOP,), {"LOGTALLY_TELEMETRY": "on"}, choice="off\n"),
    # Run by CI services.
    *_times(2, Household((TOP, Run("hours", "nginx")), {"GITHUB_ACTIONS": "true"}, ci=True)),
    Household((Run("top", "sshd", "binary"),), {"CI": "1"}, ci=True),
    Household((Run("gaps", "sshd", version=OLD),), {"GITLAB_CI": "true"}, ci=True),
    # Said no.
    *_times(2, Household((TOP,), {"DO_NOT_TRACK": "1"}, refused=True)),
    *_times(2, Household((TOP, TOP), {"LOGTALLY_TELEMETRY": "off"}, refused=True)),
    *_times(2, Household((TOP,), choice="off\n", refused=True)),
    Household((Run("top", "sshd", "binary"),), {"DO_NOT_TRACK": "1"}, refused=True),
    Household((Run("top", "sshd", "binary"),), choice="off\n", refused=True),
    Household((TOP,), {"DO_NOT_TRACK": "1"}, choice="on\n", refused=True),
    Household((TOP,), {"LOGTALLY_TELEMETRY": "off", "CI": "1"}, refused=True),
    # Did nothing worth a report.
    Household(other=("--version",), refused=True),
    Household(other=("top", "apache", "access.log"), refused=True),
]


@dataclass(frozen=True)
class Lived:
    """A household after its runs."""

    household: Household
    folder: Path
    install: str | None
    """Its pseudonym, as kept in the home; None where nothing is."""
    at_once: set[str] | None = None
    """The `files` right after the runs, before the sender could tidy up."""

    def files(self) -> set[str]:
        """Every file and folder that the tool left in the home."""
        made = {Path("state"), Path("config"), Path("data"), Path("cache")}
        if self.household.choice is not None:
            made |= {Path("config/logtally"), Path("config/logtally/telemetry")}
        found = {path.relative_to(self.folder) for path in self.folder.rglob("*")}
        return {str(path) for path in found - made}


def live(folder: Path, endpoint: str) -> list[Lived]:
    """Let every household do what it does, some at the same time; returns what became of them."""
    tools = {version: _tool(folder, version) for version in (NEW, OLD)}
    logs = _logs(folder / "logs")

    def lives(numbered: tuple[int, Household]) -> Lived:
        number, household = numbered
        home = folder / "homes" / str(number)
        env = _settle(home, household, endpoint)
        for run in household.runs:
            log = logs / f"{run.solution}-{run.log}"
            if run.log == "interrupted":
                log = home.with_suffix(".log")
                os.mkfifo(log)
            arguments = [str(tools[run.version]), run.command, run.solution, str(log)]
            status = _run(arguments, env, home, run, terminal=household.terminal)
            assert status == run.status, f"{run} of home {number} ended with {status}"
        if household.other:
            _run([str(tools[NEW]), *household.other], env, home)
        kept = home / "state" / "logtally" / "telemetry" / "install"
        files = Lived(household, home, None).files()
        install = kept.read_text().split()[1] if kept.exists() else None
        return Lived(household, home, install, files)

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lives, enumerate(HOUSEHOLDS)))


def _tool(folder: Path, version: str) -> Path:
    """A release of the example tool."""
    source = EXAMPLE.read_text()
    assert f'"{NEW}"' in source
    path = folder / version / EXAMPLE.name
    path.parent.mkdir()
    path.write_text(source.replace(f'"{NEW}"', f'"{version}"'))
    return path


def _logs(folder: Path) -> Path:
    folder.mkdir()
    for solution, line in LINES.items():
        for good in ("good", "full-disk"):
            (folder / f"{solution}-{good}").write_text(3 * line)
        (folder / f"{solution}-empty").write_text("nothing of its kind\n")
        (folder / f"{solution}-binary").write_bytes(b"\x80\xff\xfe\n" + gzip.compress(b"text"))
        (folder / f"{solution}-no-gzip.gz").write_text(line)
        (folder / f"{solution}-wrong-time").write_text(line.replace("2026-03-12", "2026-03-99"))
    return folder


def _settle(home: Path, household: Household, endpoint: str) -> dict[str, str]:
    """Make the home; returns the environment of those who live there, and nothing else."""
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC0", "HOME": str(home)}
    for kind in ("state", "config", "data", "cache"):
        (home / kind).mkdir(parents=True)
        env[f"XDG_{kind.upper()}_HOME"] = str(home / kind)
    if household.choice is not None:
        choice = home / "config" / "logtally" / "telemetry"
        choice.parent.mkdir()
        choice.write_text(household.choice)
    env |= {"PYTHONPATH": str(ROOT / "collector"), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**env, "WALD_ENDPOINT": endpoint, **household.variables}


def _run(
    arguments: Sequence[str],
    env: Mapping[str, str],
    home: Path,
    run: Run | None = None,
    *,
    terminal: bool = False,
) -> int:
    """Run the tool to its end; returns its exit status."""
    command = [sys.executable, *arguments]
    if run and run.log == "interrupted":
        command = [sys.executable, "-c", INTERRUPTIBLE, *command]
    ours, theirs = pty.openpty() if terminal else os.pipe()
    if run and run.log == "full-disk":
        os.close(theirs)
        theirs = os.open("/dev/full", os.O_WRONLY)
        env = {**env, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, env=env, cwd=home, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    if run and run.log == "interrupted":
        with open(arguments[-1], "wb"):  # waits until the tool has it open
            process.send_signal(signal.SIGINT)
            process.wait(60)
    try:
        while os.read(ours, 4096):
            pass
    except OSError:
        pass  # on Linux, this is how the end of a terminal looks
    os.close(ours)
    return process.wait()
