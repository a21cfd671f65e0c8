"""``python -m ingest prune`` and ``stats``, as their users run them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from ingest.store import Store
from ingest.upkeep import counted
from tests.ingest.database import Database
from tests.ingest.flaky import flaky_proxy
from tests.ingest.function import HOST, ROOT, serving, settings
from tests.ingest.reports import JsonReport, report
from tests.ingest.slow import slow_proxy
from tests.rtdb.server import Server


def run(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ingest", *arguments],
        cwd=ROOT,
        env=settings(FIREBASE_DATABASE_URL=database),
        capture_output=True,
        text=True,
    )


def test_prune_deletes_older_days_and_no_others(local: Server) -> None:
    shards = Database.on(local, "prune-a"), Database.on(local, "prune-b")
    urls = ",".join(shard.url for shard in shards)
    store = Store.connect({"FIREBASE_DATABASE_URL": urls})
    noon = datetime.now(UTC)
    for age in (0, 5, 9, 10, 11, 400):
        store.add(
            [report(app=f"age-{age}") for _ in range(700)], arrived=noon - timedelta(days=age)
        )
    done = run(urls, "prune", "--keep", "11")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("deleted 1400, kept ")
    left = [one["app"] for shard in shards for one in shard.reports()]
    assert {app: left.count(app) for app in left} == dict.fromkeys(
        ("age-0", "age-5", "age-9", "age-10"), 700
    )
    assert run(urls, "prune", "--keep", "11").stdout.startswith("deleted 0, ")


def test_prune_goes_on_where_it_was_cut_off(local: Server) -> None:
    database = Database.on(local, "prune-cut-off")
    store = Store.connect({"FIREBASE_DATABASE_URL": database.url})
    now = datetime.now(UTC)
    kept = [report() for _ in range(10)]
    store.add(kept, arrived=now)
    for age in range(20, 26):
        store.add([report() for _ in range(700)], arrived=now - timedelta(days=age))
    with slow_proxy(local, delay=0.3) as port:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingest", "prune", "--keep", "10"],
            cwd=ROOT,
            env=settings(FIREBASE_DATABASE_URL=f"http://{HOST}:{port}/?ns=prune-cut-off"),
        )
        while len(database.reports()) == 4210:
            time.sleep(0.05)
        process.kill()
        process.wait()
    left = len(database.reports()) - len(kept)
    assert 0 < left < 4200
    assert run(database.url, "prune", "--keep", "10").stdout.startswith(f"deleted {left}, kept ")
    assert sorted(one["id"] for one in database.reports()) == sorted(one["id"] for one in kept)


def test_prune_wants_a_number_of_days() -> None:
    for wrong in ("0", "-1", "x", "٣"):
        done = run("http://127.0.0.1:1/?ns=a", "prune", f"--keep={wrong}")
        assert done.returncode == 2
        assert f"{wrong!r} is no number of days from 1 to 36500" in done.stderr


def test_stats_and_the_share_refused(local: Server, tmp_path: Path) -> None:
    database = Database.on(local, "stats")
    store = Store.connect({"FIREBASE_DATABASE_URL": database.url})
    installs = [report()["install"] for _ in range(30)]
    now = datetime.now(UTC)
    yesterday = now - timedelta(days=1)
    store.add([report(install=installs[n % 30]) for n in range(90)], arrived=yesterday)
    store.add([report()], arrived=now - timedelta(days=40))
    log = tmp_path / "log"
    log.write_text(
        'no JSON\n{"event":"accepted","count":90}\n{"event":"refused","reason":"old","count":10}\n'
    )
    done = run(database.url, "stats", "--days", "3", "--log", str(log))
    assert (done.returncode, done.stderr) == (0, "")
    head, day, reason, total = done.stdout.splitlines()
    assert head.split() == ["day", "reports", "installs", "bytes"]
    assert day.split()[:3] == [yesterday.date().isoformat(), "90", "30"]
    held = database.root.child(f"reports/{yesterday.date()}").get()
    assert int(day.split()[3]) == len(json.dumps(held, separators=(",", ":")))
    assert (reason, total) == ("refused 10.00%: old", "refused 10 of 100")


def test_the_log_says_what_was_taken_and_names_nobody(local: Server) -> None:
    database = Database.on(local, "log")
    good = [report() for _ in range(3)]
    names = ("ann-laptop", "`ann`", "\nann", "ann" * 100, "a`nn" * 100)
    bad: list[JsonReport] = [report(**{name: 1}) for name in names]
    with serving(database.url, limits="on") as function:
        requests.post(f"{function.url}/v1/reports", json={"schema": 1, "reports": [*good, *bad]})
        requests.post(f"{function.url}/v1/reports", json={"ann": 1})
        requests.post(f"{function.url}/v1/reports", data="x", headers={"Content-Type": "text/ann"})
        function.process.terminate()
        function.process.wait()
        said = function.said()
    lines = [json.loads(line) for line in said.splitlines()]
    counts = {(line["event"], line.get("reason", "")): line["count"] for line in lines}
    assert counts == {
        ("accepted", ""): 3,
        ("refused", "Object contains unknown field"): len(bad) + 1,
        ("refused", "Unsupported Media Type"): 1,
    }
    assert {line["severity"] for line in lines} == {"INFO"}
    assert "ann" not in said
    assert "a`nn" not in said
    assert "127.0.0.1" not in said
    assert not [one for one in good if one["id"] in said or one["install"] in said]


def test_a_call_that_is_sent_again_is_counted_and_doubles_nothing(local: Server) -> None:
    database = Database.on(local, "retried")
    reports = [report() for _ in range(5)]
    with (
        flaky_proxy(local, failures=2) as port,
        serving(f"http://{HOST}:{port}/?ns=retried") as one,
    ):
        body: JsonReport = {"schema": 1, "reports": reports}
        answer = requests.post(f"{one.url}/v1/reports", json=body)
        assert answer.json() == {"accepted": 5, "rejected": []}
        one.process.terminate()
        one.process.wait()
        counts = counted(one.said().encode().splitlines())
    assert counts == {("retried", ""): 2, ("accepted", ""): 5}
    assert sorted(one["id"] for one in database.reports()) == sorted(one["id"] for one in reports)
