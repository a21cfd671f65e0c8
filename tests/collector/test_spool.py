"""The spool keeps reports as they are, in bounds, whatever happens to the disk or a process."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wald import spool as rules
from wald.delivery import send_reports
from wald.outbox import Outbox
from wald.report import MAX_METRIC_TEXT, MAX_METRICS, MAX_NUMBER, MAX_TEXT
from wald.spool import Lock, to_json

from .server import Server

if TYPE_CHECKING:
    from wald.report import Report

TEXT = st.text(max_size=MAX_TEXT)
HEX = st.text(alphabet="0123456789abcdef", min_size=32, max_size=32)
VALUE = (
    st.text(max_size=MAX_METRIC_TEXT)
    | st.booleans()
    | st.integers(-MAX_NUMBER, MAX_NUMBER)
    | st.floats(allow_nan=False, allow_infinity=False)
)
REPORT = st.fixed_dictionaries(
    {
        "id": HEX,
        "app": st.just("tool"),
        "install": HEX,
        "time": st.integers(0, MAX_NUMBER),
        "kind": st.sampled_from(["run", "error"]),
        "metrics": st.dictionaries(
            st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,63}", fullmatch=True),
            VALUE,
            max_size=MAX_METRICS,
        ),
        "ci": st.booleans(),
        "dropped": st.integers(0, 1000),
    },
    optional={
        "operation": TEXT,
        "solution": TEXT,
        "outcome": st.sampled_from(["ok", "error", "cancelled"]),
        "duration_ms": st.integers(0, MAX_NUMBER),
        "error": st.fixed_dictionaries(
            {"fingerprint": st.just("0" * 16), "type": TEXT, "where": TEXT}
        ),
    },
)


def report(number: int, **fields: Any) -> Report:
    made: Any = {
        "id": f"{number:032x}",
        "app": "tool",
        "install": "f" * 32,
        "time": time.time_ns() // 1_000_000,
        "kind": "run",
        "metrics": {},
        "ci": False,
        "dropped": 0,
        **fields,
    }
    return made  # type: ignore[no-any-return]


def numbers(spool: Outbox) -> list[int]:
    return [int(report["id"], 16) for report in spool.reports()]


def test_a_report_survives_from_spool_to_request(server: Server) -> None:
    @settings(max_examples=50, deadline=None)
    @given(st.lists(REPORT, min_size=1, max_size=5, unique_by=lambda report: report["id"]))
    def survives(reports: list[Any]) -> None:
        server.requests.clear()
        with tempfile.TemporaryDirectory() as folder:
            spool = Outbox(folder)
            for each in reports:
                spool.append(each)
            assert send_reports(server.url, spool.reports(), "test").fate == "delivered"
        assert server.reports == reports

    survives()


@given(REPORT)
def test_json_is_json_on_one_line(value: Any) -> None:
    assert json.loads(to_json(value)) == value
    assert len(to_json(value).encode().splitlines()) == 1


def test_the_oldest_go_first_and_are_counted(tmp_path: Path) -> None:
    spool = Outbox(str(tmp_path))
    for number in range(rules.MAX_REPORTS + 100):
        spool.append(report(number))
    assert numbers(spool) == list(range(100, rules.MAX_REPORTS + 100))
    assert sum(each["dropped"] for each in spool.reports()) == 100


def test_the_size_is_bounded_too(tmp_path: Path) -> None:
    spool = Outbox(str(tmp_path))
    text = {f"m{n}": "x" * MAX_METRIC_TEXT for n in range(MAX_METRICS)}
    for number in range(300):
        spool.append(report(number, metrics=text))
    kept = spool.reports()
    size = os.path.getsize(spool.path)
    assert rules.MAX_BYTES - 2 * size / len(kept) < size <= rules.MAX_BYTES
    assert numbers(spool) == list(range(300 - len(kept), 300))
    assert sum(each["dropped"] for each in kept) == 300 - len(kept)


def test_old_reports_expire_and_are_counted(tmp_path: Path) -> None:
    spool = Outbox(str(tmp_path))
    now = time.time_ns() // 1_000_000
    spool.append(report(1, time=now - rules.MAX_AGE_MS - 1, dropped=5))
    spool.append(report(2, time=now - rules.MAX_AGE_MS + 60_000))
    spool.append(report(3, time=now))
    spool.expire(now)
    assert [(r["id"][-1], r["dropped"]) for r in spool.reports()] == [("2", 0), ("3", 6)]


def test_the_next_report_counts_what_was_lost_before_it(tmp_path: Path) -> None:
    spool = Outbox(str(tmp_path))
    now = time.time_ns() // 1_000_000
    spool.append(report(1, time=now - rules.MAX_AGE_MS - 1, dropped=2))
    spool.expire(now)  # leaves no report that could count it
    assert not spool.pending()
    with Lock(str(tmp_path)), pytest.raises(TimeoutError):
        spool.append(report(2))
    spool.append(report(3, time=now))
    spool.expire(now)
    spool.expire(now)
    assert [(r["id"][-1], r["dropped"]) for r in spool.reports()] == [("3", 4)]


def test_what_arrived_after_all_is_not_counted_as_dropped(tmp_path: Path) -> None:
    spool = Outbox(str(tmp_path))
    for number in range(rules.MAX_REPORTS):
        spool.append(report(number))
    on_their_way = {each["id"] for each in spool.reports()[:500]}
    for number in range(rules.MAX_REPORTS, rules.MAX_REPORTS + 20):
        spool.append(report(number))  # sheds the first 20, which are on their way
    spool.remove(on_their_way)
    assert numbers(spool) == list(range(500, rules.MAX_REPORTS + 20))
    assert sum(each["dropped"] for each in spool.reports()) == 0


def test_a_broken_line_costs_itself_alone(tmp_path: Path) -> None:
    spool = Outbox(str(tmp_path))
    spool.append(report(1))
    with open(spool.path, "ab") as file:
        file.write(to_json(report(2)).encode()[:60])  # its process was killed in the middle
    spool.append(report(3))
    with open(spool.path, "ab") as file:
        file.write(b"\0" * 100 + b'\n[1]\n"x"\n{"id": 4}\n')
    spool.append(report(5))
    assert numbers(spool) == [1, 3, 5]
    spool.remove(["0" * 31 + "1"])
    assert numbers(spool) == [3, 5]


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    import resource

    spool = Outbox(str(tmp_path))
    spool.append(report(1))
    before = Path(spool.path).read_bytes()
    child = os.fork()
    if child == 0:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, len(before) + 10))
        try:
            spool.append(report(2))
        except OSError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert Path(spool.path).read_bytes() == before


def test_threads_share_a_spool(tmp_path: Path) -> None:
    spool = Outbox(str(tmp_path))

    def work(first: int) -> None:
        for number in range(first, first + 50):
            spool.append(report(number))

    threads = [threading.Thread(target=work, args=(50 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers(spool)) == list(range(300))


def test_a_lock_is_waited_for_but_not_for_ever(tmp_path: Path) -> None:
    with Lock(str(tmp_path)):
        assert not Lock(str(tmp_path), patience=0.05).take()
        with pytest.raises(TimeoutError, match="is held by another process"):
            Lock(str(tmp_path), patience=0).__enter__()
    with Lock(str(tmp_path), patience=0):
        pass


def test_a_forked_child_does_not_hold_on_to_a_lock(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    with Lock(str(tmp_path)):
        child = os.fork()
        if child == 0:
            os.close(theirs)
            os.read(ours, 1)  # lives until its parent lets go of the pipe
            os._exit(0)
    assert Lock(str(tmp_path), patience=0).take()
    os.close(theirs)
    os.waitpid(child, 0)
