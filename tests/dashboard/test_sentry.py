"""Links to Sentry and what it tells of an issue, by a server that answers as it documents."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.sentry import SentryLinks
from dashboard.sentry_issues import FRESH, KEPT, PAUSE, Issue, SentryIssues
from ingest.store import SettingError
from tests.dashboard.sentry_server import ISSUE, TOKEN, SentryServer, serving

ERROR, EVENT, INSTALL = "0123456789abcdef", "e" * 32, "a" * 32

WALD = {"SENTRY_ORG": "acme", "SENTRY_PROJECT": "tool", "SENTRY_AUTH_TOKEN": TOKEN}


def links(**settings: str) -> SentryLinks:
    found = SentryLinks.read(settings)
    assert found is not None
    return found


def test_links_to_sentry() -> None:
    of = links(SENTRY_ORG="acme", SENTRY_PROJECT="tool")
    issues = "https://sentry.io/organizations/acme/issues/?query=project%3Atool%20"
    assert of.of_fingerprint(ERROR) == f"{issues}wald.fingerprint%3A{ERROR}"
    assert of.of_user(INSTALL) == f"{issues}user.id%3A{INSTALL}"
    event = f"https://sentry.io/organizations/acme/projects/tool/events/{EVENT}/"
    assert of.of_event(EVENT) == event
    assert of.of_issue("4711") == "https://sentry.io/organizations/acme/issues/4711/"


def test_links_to_a_sentry_of_ones_own() -> None:
    of = links(SENTRY_URL="https://errors.example/", SENTRY_ORG="acme", SENTRY_PROJECT="tool")
    event = f"https://errors.example/organizations/acme/projects/tool/events/{EVENT}/"
    assert of.of_event(EVENT) == event


def test_links_to_glitchtip() -> None:
    settings = {"SENTRY_URL": "https://errors.example", "SENTRY_KIND": "GlitchTip"}
    of = links(**settings, SENTRY_ORG="acme", SENTRY_PROJECT="tool")
    issues = "https://errors.example/acme/issues"
    assert of.of_fingerprint(ERROR) == f"{issues}?query=wald.fingerprint%3A{ERROR}"
    assert of.of_event(EVENT) == f"{issues}?query={EVENT}"
    assert of.of_user(INSTALL) is None


def test_links_to_bugsink() -> None:
    of = links(SENTRY_URL="https://errors.example", SENTRY_KIND="bugsink", SENTRY_PROJECT="3")
    issues = "https://errors.example/issues"
    assert of.of_fingerprint(ERROR) == f"{issues}/3/all/?q=wald.fingerprint%3A{ERROR}"
    assert of.of_user(INSTALL) == f"{issues}/3/all/?q=user.id%3A{INSTALL}"
    assert of.of_event(EVENT) == f"{issues}/event/eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee/"


def test_templates_of_ones_own_replace_the_presets() -> None:
    of = links(
        SENTRY_ORG="a/c",
        SENTRY_PROJECT="tool",
        SENTRY_ERROR_LINK="{url}/find/{fingerprint}?in={project}",
        SENTRY_EVENT_LINK="https://other.example/{org}/{event}",
        SENTRY_USER_LINK="{url}/who/{install}",
    )
    assert of.of_fingerprint("a&b=c") == "https://sentry.io/find/a%26b%3Dc?in=tool"
    assert of.of_event(EVENT) == f"https://other.example/a%2Fc/{EVENT}"
    assert of.of_user(INSTALL) == f"https://sentry.io/who/{INSTALL}"


def test_a_token_is_in_no_text_about_the_settings() -> None:
    assert TOKEN not in repr(links(**WALD))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SENTRY_KIND": "rollbar"}, "SENTRY_KIND is 'rollbar'; give sentry, glitchtip, bugsink"),
        ({"SENTRY_AUTH_TOKEN": "x"}, "SENTRY_ORG is not set; links to sentry need SENTRY_ORG and"),
        ({"SENTRY_KIND": "bugsink", "SENTRY_PROJECT": "3"}, "SENTRY_URL is not set; give the addr"),
        (
            {"SENTRY_KIND": "bugsink", "SENTRY_PROJECT": "tool", "SENTRY_URL": "https://b.example"},
            "SENTRY_PROJECT is 'tool'; give the project's number",
        ),
        (
            {**WALD, "SENTRY_EVENT_LINK": "{url}/events/"},
            "SENTRY_EVENT_LINK is '{url}/events/'; give an address that holds {event} and may",
        ),
        (
            {**WALD, "SENTRY_USER_LINK": "{url}/{install}/{secret}"},
            "SENTRY_USER_LINK is '{url}/{i",
        ),
        ({**WALD, "SENTRY_USER_LINK": "javascript:{install}"}, "SENTRY_USER_LINK is 'javascript:"),
        ({**WALD, "SENTRY_ERROR_LINK": "{url}/{fingerprint"}, "SENTRY_ERROR_LINK is '{url}/{fing"),
        (
            {**WALD, "SENTRY_ERROR_LINK": "{url}/{fingerprint.x}"},
            "SENTRY_ERROR_LINK is '{url}/{fingerprint.x}'; give an address",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError) as raised:
        SentryLinks.read(settings)
    assert str(raised.value).startswith(said)


class Clock:
    """A clock that goes on only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[SentryServer]:
    with serving() as server:
        server.issues[ERROR] = ISSUE
        yield server


def issues_of(server: SentryServer, clock: Clock | None = None, **settings: str) -> SentryIssues:
    return SentryIssues(links(**{**WALD, "SENTRY_URL": server.url, **settings}), clock or Clock())


def settled(issues: SentryIssues) -> None:
    while issues.asking():
        time.sleep(0.01)


def test_an_issue_is_fetched_in_the_background_and_kept(server: SentryServer) -> None:
    clock = Clock()
    issues = issues_of(server, clock)
    assert issues.of(ERROR) is None  # not yet
    settled(issues)
    known = issues.of(ERROR)
    assert known is not None
    assert known.issue == Issue(
        title="ConnectionError: <b>suricata</b>",
        status="ignored",
        level="fatal",
        release="tool@2.4.0",
        url=f"{server.url}/organizations/acme/issues/4711/",
    )
    assert known.age == 0
    assert server.asked == [
        "/api/0/organizations/acme/issues/?query=project%3Atool+wald.fingerprint%3A"
        f"{ERROR}&limit=1",
        "/api/0/organizations/acme/issues/4711/",
    ]

    clock.now = FRESH
    known = issues.of(ERROR)
    assert known is not None
    assert known.age == FRESH
    settled(issues)
    assert len(server.asked) == 2

    clock.now = FRESH + 1
    server.issues[ERROR] = {**ISSUE, "status": "resolved"}
    known = issues.of(ERROR)
    assert known is not None
    assert known.issue is not None
    assert known.issue.status == "ignored"  # what was known, while it is asked again
    settled(issues)
    known = issues.of(ERROR)
    assert known is not None
    assert known.issue is not None
    assert (known.issue.status, known.age) == ("resolved", 0)


def test_an_error_without_an_issue_is_asked_for_once(server: SentryServer) -> None:
    issues = issues_of(server)
    for _ in range(3):
        issues.of("f" * 16)
        settled(issues)
    known = issues.of("f" * 16)
    assert known is not None
    assert known.issue is None
    assert len(server.asked) == 1


def test_what_is_no_fingerprint_is_never_asked_for(server: SentryServer) -> None:
    issues = issues_of(server)
    assert issues.of("x is:unresolved") is None
    settled(issues)
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (401, {}, PAUSE),
        (403, {}, PAUSE),
        (429, {"Retry-After": "300"}, 300.0),
        (429, {"Retry-After": "99999"}, 3600.0),
        (429, {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, PAUSE),
        (500, {}, PAUSE),
        (503, {"Retry-After": "5"}, PAUSE),
        (302, {"Location": "/elsewhere/"}, PAUSE),
    ],
)
def test_after_a_failure_nothing_is_asked_for_a_while(
    server: SentryServer, status: int, headers: dict[str, str], pause: float
) -> None:
    clock = Clock()
    issues = issues_of(server, clock)
    server.status, server.headers = status, headers
    issues.of(ERROR)
    settled(issues)
    assert len(server.asked) == 1
    clock.now = pause - 1
    assert issues.of(ERROR) is None
    assert issues.of("f" * 16) is None
    settled(issues)
    assert len(server.asked) == 1

    server.status, server.headers, clock.now = 200, {}, pause
    issues.of(ERROR)
    settled(issues)
    assert issues.of(ERROR) is not None


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[1]", b'[{"id": "../x"}]', b"null", b"[{}]"])
def test_an_answer_that_makes_no_sense_is_none(server: SentryServer, body: bytes) -> None:
    issues = issues_of(server)
    server.body = body
    issues.of(ERROR)
    settled(issues)
    known = issues.of(ERROR)
    assert known is None or known.issue is None


def test_a_server_that_hangs_holds_nobody_up(server: SentryServer) -> None:
    server.hanging = threading.Event()
    issues = issues_of(server)
    for fingerprint in (ERROR, "f" * 16, ERROR):
        assert issues.of(fingerprint) is None
    assert issues.asking()
    settled(issues)  # it gives up by itself
    assert len(server.asked) == 1
    assert issues.of(ERROR) is None


def test_a_wrong_token_and_no_server_are_as_good_as_nothing(server: SentryServer) -> None:
    wrong = issues_of(server, SENTRY_AUTH_TOKEN="other")
    gone = issues_of(replace(server, url="http://127.0.0.1:9"))
    for issues in (wrong, gone):
        issues.of(ERROR)
        settled(issues)
        assert issues.of(ERROR) is None
    assert server.asked == []


def test_an_old_answer_is_forgotten_while_sentry_is_down(server: SentryServer) -> None:
    clock = Clock()
    issues = issues_of(server, clock)
    issues.of(ERROR)
    settled(issues)
    server.status = 503
    clock.now = KEPT
    assert issues.of(ERROR) is not None
    settled(issues)
    clock.now = KEPT + 1
    assert issues.of(ERROR) is None


def test_a_page_shows_it_as_soon_as_it_is_known(server: SentryServer) -> None:
    def page(url: str, token: str, error: str) -> None:
        from dashboard.sentry import SentryLinks
        from dashboard.views.sentry_issue import issue_line

        settings = {"SENTRY_URL": url, "SENTRY_ORG": "acme", "SENTRY_PROJECT": "tool"}
        issue_line(SentryLinks.read(settings | {"SENTRY_AUTH_TOKEN": token}), error)

    without = AppTest.from_function(page, args=(server.url, "", ERROR), default_timeout=120).run()
    assert list(without.markdown) == []
    shown = AppTest.from_function(page, args=(server.url, TOKEN, ERROR), default_timeout=120).run()
    while not shown.markdown:
        time.sleep(0.05)
        shown.run()
    assert shown.markdown[0].value == (
        "[ConnectionError\\: \\<b\\>suricata\\</b\\> ↗]"
        f"({server.url}/organizations/acme/issues/4711/) · "
        "ignored · fatal · last seen in tool@\u20602\\.4\\.0 · read just now"
    )
    assert not shown.exception
