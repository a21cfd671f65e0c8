"""The browser of the tests: ``python -m tests.browser`` makes sure that there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
"""What a system may call it."""

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""It runs as root in containers too, and asks the network for nothing of its own."""

APT = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120")


class NoBrowser(Exception):
    """There is no Chromium; the message says what helps."""


@contextmanager
def launched() -> Iterator[Browser]:
    """Run a Chromium without a window.

    Raises:
        NoBrowser: none is installed.
    """
    path = installed()
    if path is None:
        raise NoBrowser("The tests need a Chromium, and there is none: run `make browser`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        try:
            yield browser
        finally:
            browser.close()


def installed() -> str | None:
    """Find the system's Chromium, else Playwright's own; None where there is neither."""
    for name in NAMES:
        path = shutil.which(name)
        # A name alone is not enough: some systems put a script there that says how to get one.
        if path and _succeeds([path, "--version"]):
            return path
    return _of_playwright()


def main() -> int:
    """Get a Chromium where there is none; returns the exit status."""
    if installed():
        return 0
    print("Getting a Chromium for the tests (a minute or two, once)", flush=True)
    failures = []
    for get in (_from_apt, _from_playwright):
        failure = get()
        if installed():
            return 0
        failures.append(failure)
    print(
        f"The tests need a Chromium and could get none ({'; '.join(failures)}): install one "
        f"that is called {', '.join(NAMES[:-1])} or {NAMES[-1]}, then run this again",
        file=sys.stderr,
    )
    return 1


def _of_playwright() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() and _succeeds([path, "--version"]) else None


def _from_apt() -> str:
    """Ask the system's packages for one; returns why there is none then."""
    if not shutil.which("apt-get"):
        return "there is no apt-get"
    root = () if os.geteuid() == 0 else ("sudo", "-n")
    if root and not (shutil.which("sudo") and _succeeds(["sudo", "-n", "true"])):
        return "apt-get needs root or sudo without a password"
    quietly = (*root, "env", "DEBIAN_FRONTEND=noninteractive", *APT)
    # Where some of several sources don't answer, the others may still have it.
    _said([*quietly, "update"])
    said = _said([*quietly, "install", "-y", "--no-install-recommends", "chromium"])
    return f"apt-get said: {said or 'nothing'}"


def _from_playwright() -> str:
    """Let Playwright download its own; returns why there is none then."""
    said = _said([sys.executable, "-m", "playwright", "install", "chromium"])
    return f"playwright said: {said or 'nothing'}"


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def _said(command: Sequence[str]) -> str:
    """Run a command; return the line that says what went wrong, else the last one."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    wrong = [line for line in lines if line.startswith("E:") or "Error:" in line]
    return next(iter([*wrong, *lines[::-1]]), "")


if __name__ == "__main__":
    sys.exit(main())
