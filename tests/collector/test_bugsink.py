"""A crash of the example tool arrives in a real server of Sentry's protocol, and names nobody."""

from __future__ import annotations

import sqlite3
import time
from itertools import count
from pathlib import Path
from typing import Any

import requests

from dashboard.sentry import SentryLinks
from dashboard.sentry_issues import PAUSE, Issue, SentryIssues
from tests.ingest.function import HOST

from .bugsink import Bugsink, running
from .home import EXAMPLE, Home
from .server import Server

CANARY = "canary-5d1c"

HOST_NAME = f"""
import os, platform, socket
uname = os.uname_result((os.uname()[0], "{CANARY}-host", *os.uname()[2:]))
os.uname = lambda: uname
platform.node = socket.gethostname = socket.getfqdn = lambda *name: "{CANARY}-host"
"""
"""What Python runs at its start, in place of a machine with such a name."""

TAGS = """
select k.key, v.value from tags_issuetag t
join tags_tagkey k on k.id = t.key_id join tags_tagvalue v on v.id = t.value_id
where t.issue_id = ?
"""


def assert_the_dashboard_finds(report: dict[str, Any], issue: str, bugsink: Bugsink) -> None:
    """Its links lead there, and it knows what Bugsink knows of the issue."""
    url = f"http://{HOST}:{bugsink.port}"
    links = SentryLinks.read(
        {
            "SENTRY_KIND": "bugsink",
            "SENTRY_URL": url,
            "SENTRY_PROJECT": str(bugsink.project),
            "SENTRY_AUTH_TOKEN": bugsink.token,
        }
    )
    assert links is not None
    # A minute later at every look: on a busy machine, the first answers may come too late.
    issues = SentryIssues(links, clock=count(step=PAUSE).__next__)
    fingerprint = report["error"]["fingerprint"]
    known = issues.of(fingerprint)
    for _ in range(5):
        while issues.asking():
            time.sleep(0.01)
        known = known or issues.of(fingerprint)
    if bugsink.get("issues", project=bugsink.project, q="no:such")["results"]:
        # Before 2.6.2 it can't search, and gives every issue: none of them is shown.
        assert known is None
    else:
        assert known is not None
        page = f"{url}/issues/issue/{issue}/event/last/"
        assert known.issue == Issue("ValueError", "unresolved", None, "logtally@1.2.0", page)

    # Such a page is there, for whoever signs in.
    event = links.of_event(report["error"]["sentry_event"])
    answer = requests.get(event, allow_redirects=False, timeout=60)
    assert answer.headers["Location"] == f"/accounts/login/?next={event.removeprefix(url)}"


def test_a_crash_becomes_an_issue_with_tag_user_and_release(tmp_path: Path, server: Server) -> None:
    home = Home(tmp_path / f"{CANARY}-home", server.url, app="logtally")
    log = home.folder / f"{CANARY}-argument.log"
    # The time is none: the exception's message quotes it, and local variables hold the line.
    log.write_text(f"{CANARY}-local - - [{CANARY}-message] x\n")
    (home.folder / "sitecustomize.py").write_text(HOST_NAME)
    home.variables["PYTHONPATH"] += f":{home.folder}"
    names = {name: f"{CANARY}-{name}" for name in ("USER", "HOSTNAME", "SENTRY_RELEASE", "SECRET")}
    with running(tmp_path / "bugsink") as bugsink:
        crashed = home.run(
            EXAMPLE, "top", "nginx", str(log), env={**names, "WALD_EXAMPLE_DSN": bugsink.dsn}
        )
        assert f"ValueError: time data '{CANARY}-message'" in crashed.stderr
        home.settle()

        [report] = [report for report in server.reports if report["kind"] == "error"]
        [issue] = bugsink.get("issues", project=bugsink.project)["results"]
        assert issue["calculated_type"] == "ValueError"
        [listed] = bugsink.get("events", issue=issue["id"])["results"]
        event = bugsink.get(f"events/{listed['id']}")
        stored = bugsink.stored()
        assert_the_dashboard_finds(report, issue["id"], bugsink)
    told = event["data"]
    assert told["event_id"] == report["error"]["sentry_event"]
    assert told["user"]["id"] == report["install"]
    assert told["release"] == "logtally@1.2.0"
    frames = told["exception"]["values"][0]["stacktrace"]["frames"]
    own = [f"{frame['module']}:{frame['function']}" for frame in frames if frame["in_app"]]
    assert own[-1] == report["error"]["where"] == "logtally:read"

    with sqlite3.connect(tmp_path / "bugsink" / "db.sqlite3") as database:
        tags = dict(database.execute(TAGS, [issue["id"].replace("-", "")]).fetchall())
    assert tags["wald.fingerprint"] == report["error"]["fingerprint"]
    assert tags["release"] == "logtally@1.2.0"
    assert tags["user.id"] == report["install"]
    # What is stored is stored in the clear, or the search for canaries would find none anyway.
    assert report["error"]["fingerprint"].encode() in stored
    assert CANARY.encode() not in stored
