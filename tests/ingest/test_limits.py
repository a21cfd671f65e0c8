"""What one install and one address may send."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Callable

import pytest
import requests

from ingest.connection import SettingError
from ingest.rates import (
    NEW_INSTALLS_BY_ADDRESS,
    REQUESTS_BY_ADDRESS,
    REQUESTS_BY_INSTALL,
    Limits,
    TooMany,
    address_of,
    read_limits,
)
from ingest.windows import MAX_COUNTS, Windows
from tests.ingest.database import Database
from tests.ingest.function import ROOT, command, free_port, serving, settings
from tests.ingest.reports import report
from tests.rtdb.server import Server


def test_an_install_that_sends_too_often_is_told_when_to_come_back(local: Server) -> None:
    database = Database.on(local, "limits")
    install = secrets.token_hex(16)
    reports = [report(install=install) for _ in range(2 * REQUESTS_BY_INSTALL.amount + 2)]
    with serving(database.url, limits="on") as function, requests.Session() as session:
        answers = [
            session.post(f"{function.url}/v1/reports", json={"schema": 1, "reports": [one]})
            for one in reports
        ]
        other = session.post(
            f"{function.url}/v1/reports", json={"schema": 1, "reports": [report()]}
        )
    # A minute may end meanwhile, and a new one begin.
    taken = [one for one, answer in zip(reports, answers, strict=True) if answer.ok]
    refused = [answer for answer in answers if not answer.ok]
    assert REQUESTS_BY_INSTALL.amount <= len(taken) <= 2 * REQUESTS_BY_INSTALL.amount
    for answer in refused:
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert answer.json() == {"error": "too many requests of this install; send them later"}
    assert other.json()["accepted"] == 1
    held = [one["id"] for one in database.reports() if one["install"] == install]
    assert sorted(held) == sorted(one["id"] for one in taken)


class Clock:
    """A clock that is put forward by hand."""

    now = 1_790_000_000.0 - 1_790_000_000.0 % 3600  # a full hour

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.now


def by_request(limits: Limits, number: int, address: str) -> None:
    """One more request."""
    limits.admit_request(address)


def by_full_request(limits: Limits, number: int, address: str) -> None:
    """Five hundred more reports of one of many installs."""
    limits.admit_reports([f"{number:032x}"] * 500, address)


def by_install(limits: Limits, number: int, address: str) -> None:
    """One more install."""
    limits.admit_reports([f"{number:032x}"], address)


def by_wish(limits: Limits, number: int, address: str) -> None:
    """One more wish to be forgotten."""
    limits.admit_forget(address)


@pytest.mark.parametrize(
    ("admit", "amount", "seconds", "what"),
    [
        (by_request, 3000, 60, "requests from this address"),
        (by_full_request, 60, 60, "reports from this address"),
        (by_install, 3000, 3600, "new installs from this address"),
        (by_wish, 10, 60, "requests to forget from this address"),
    ],
)
def test_an_address_has_its_limits(
    admit: Callable[[Limits, int, str], None], amount: int, seconds: int, what: str
) -> None:
    clock = Clock()
    limits = Limits(clock)
    for number in range(amount):
        admit(limits, number, "192.0.2.1")
    clock.now += seconds - 1.5
    for number in (amount, amount + 1):
        with pytest.raises(TooMany, match=f"^too many {what}$") as refused:
            admit(limits, number, "192.0.2.1")
        assert refused.value.retry_after == 2
    admit(limits, amount, "192.0.2.2")  # another address has its own
    clock.now += 1.5
    for number in range(amount):
        admit(limits, amount + 2 + number, "192.0.2.1")
    with pytest.raises(TooMany):
        admit(limits, 0, "192.0.2.1")


def test_an_install_has_its_limit_wherever_it_is() -> None:
    clock = Clock()
    limits = Limits(clock)
    for number in range(REQUESTS_BY_INSTALL.amount):
        limits.admit_reports(["a" * 32] * 3, f"192.0.2.{number}")
    with pytest.raises(TooMany, match=r"^too many requests of this install$") as refused:
        limits.admit_reports(["b" * 32, "a" * 32], "192.0.2.1")
    assert refused.value.retry_after == 60
    limits.admit_reports(["b" * 32], "192.0.2.1")
    clock.now += 60
    limits.admit_reports(["a" * 32], "192.0.2.1")


def test_an_install_known_at_an_address_is_not_new_again() -> None:
    limits = Limits(Clock())
    known = [f"{number:032x}" for number in range(NEW_INSTALLS_BY_ADDRESS.amount)]
    for _ in range(5):
        limits.admit_reports(known, "192.0.2.1")
    with pytest.raises(TooMany):
        limits.admit_reports(["f" * 32], "192.0.2.1")


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    clock = Clock()
    limits = Limits(clock)
    for _ in range(REQUESTS_BY_ADDRESS.amount):
        limits.admit_request("192.0.2.1")
    with pytest.raises(TooMany) as refused:
        limits.admit_request("192.0.2.1")
    assert 0 < refused.value.retry_after <= 60
    clock.now -= 86_400
    for _ in range(REQUESTS_BY_ADDRESS.amount):  # it counts anew, and not without end
        limits.admit_request("192.0.2.1")
    with pytest.raises(TooMany) as refused:
        limits.admit_request("192.0.2.1")
    assert 0 < refused.value.retry_after <= 60


def test_what_is_counted_is_bounded() -> None:
    windows = Windows(Clock())
    for number in range(MAX_COUNTS):
        windows.incr(f"{number}", 60)
    assert windows.get("0") == 1
    assert windows.incr("one more", 60) == 1
    assert windows.get("0") == 0
    assert windows.incr("0", 3600) == 1


@pytest.mark.parametrize(
    ("peer", "forwarded", "in_cloud", "address"),
    [
        ("192.0.2.1", "", False, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", False, "192.0.2.1"),
        ("169.254.1.1", "198.51.100.1", True, "198.51.100.1"),
        ("169.254.1.1", "10.0.0.1, 203.0.113.9,198.51.100.1", True, "198.51.100.1"),
        ("169.254.1.1", "", True, "169.254.1.1"),
        ("169.254.1.1", "198.51.100.1, <script>", True, "unknown"),
        ("169.254.1.1", "198.51.100.1:443", True, "unknown"),
        ("::ffff:192.0.2.1", "", False, "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "", False, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "", False, "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "", False, "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "", False, "fe80::/64"),
        ("169.254.1.1", "2001:db8:1:2:ffff::1", True, "2001:db8:1:2::/64"),
        ("", "", False, "unknown"),
    ],
)
def test_the_address_is_the_one_that_nobody_can_choose(
    peer: str, forwarded: str, in_cloud: bool, address: str
) -> None:
    assert address_of(peer, forwarded, in_cloud=in_cloud) == address


def test_limits_are_on_by_default_and_can_be_off() -> None:
    assert read_limits({}) is not None
    assert read_limits({"WALD_LIMITS": "On"}) is not None
    assert read_limits({"WALD_LIMITS": "off"}) is None
    with pytest.raises(SettingError, match=r"^WALD_LIMITS is 'no'; give on or off$"):
        read_limits({"WALD_LIMITS": "no"})


def test_a_wrong_setting_is_said_at_the_start() -> None:
    done = subprocess.run(
        command(free_port()),
        cwd=ROOT,
        env=settings(WALD_LIMITS="10/s"),
        stderr=subprocess.PIPE,
        text=True,
        executable=sys.executable,
        timeout=120,
    )
    assert done.returncode != 0
    assert done.stderr.strip() == "WALD_LIMITS is '10/s'; give on or off"
