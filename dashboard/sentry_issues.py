"""What Sentry knows about an error's issue, fetched in the background and kept for a while.

Whatever happens over there, a page waits for nothing and fails by nothing: an issue is known or it
is not. One thread asks one thing after the other, and after a failure nobody asks for a minute.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from dashboard.sentry import SentryLinks

FRESH = 600.0
"""Seconds until an issue is asked for again."""

KEPT = 3_600.0
"""Seconds until one that can't be asked for again is forgotten."""

PAUSE = 60.0
"""Seconds without a request after one that failed."""

LONGEST_PAUSE = 3_600.0
"""Seconds that the server may ask for instead."""

TIMEOUT = (3.05, 5.0)
"""Seconds to connect, and of silence in an answer."""

LONGEST_ANSWER = 20.0
"""Seconds for a whole answer."""

LARGEST_ANSWER = 2_000_000
"""Bytes: an issue has a few thousand."""

MOST = 1_000
"""Issues kept, the last asked for."""

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True)
class Issue:
    """An issue as the server tells it: words from outside."""

    title: str
    status: str
    """Such as unresolved, resolved, ignored or muted."""
    level: str | None
    """Such as error or fatal; Bugsink has none."""
    release: str | None
    """In which it was seen last."""
    url: str
    """Its page."""


@dataclass(frozen=True)
class Known:
    """What is known about an error's issue."""

    issue: Issue | None
    """None where the server has none with this fingerprint."""
    age: float
    """Seconds since the server said so."""


@dataclass(frozen=True)
class _Answer:
    issue: Issue | None
    time: float


class SentryIssues:
    """The issues of a project, by the fingerprints of their errors."""

    def __init__(self, links: SentryLinks, clock: Callable[[], float] = time.monotonic) -> None:
        self._links = links
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._wanted: OrderedDict[str, None] = OrderedDict()
        self._asking = False
        self._silent_until = float("-inf")

    def of(self, fingerprint: str) -> Known | None:
        """What is known by now, without waiting; asks in the background where that is old."""
        if not _FINGERPRINT.fullmatch(fingerprint):
            return None  # written into the database by hand
        with self._lock:
            now = self._clock()
            answer = self._answers.get(fingerprint)
            age = now - answer.time if answer else float("inf")
            if age > FRESH and now >= self._silent_until:
                self._want(fingerprint)
            return Known(answer.issue, age) if answer and age <= KEPT else None

    def asking(self) -> bool:
        """Whether an answer may come soon."""
        with self._lock:
            return self._asking

    def _want(self, fingerprint: str) -> None:
        self._wanted[fingerprint] = None
        while len(self._wanted) > MOST:
            self._wanted.popitem(last=False)
        if not self._asking:
            self._asking = True
            threading.Thread(target=self._ask_for_all, name="sentry-issues", daemon=True).start()

    def _ask_for_all(self) -> None:
        while fingerprint := self._next():
            try:
                issue = _READERS[self._links.kind](self._links, fingerprint)
            except _Unavailable as failure:
                self._be_silent(failure.pause)
            except Exception:
                # Another server's words are read here: whatever is wrong with them stays there.
                self._be_silent(PAUSE)
            else:
                self._keep(fingerprint, issue)

    def _next(self) -> str | None:
        with self._lock:
            if not self._wanted:
                self._asking = False
                return None
            return self._wanted.popitem(last=False)[0]

    def _keep(self, fingerprint: str, issue: Issue | None) -> None:
        with self._lock:
            self._answers[fingerprint] = _Answer(issue, self._clock())
            self._answers.move_to_end(fingerprint)
            while len(self._answers) > MOST:
                self._answers.popitem(last=False)

    def _be_silent(self, pause: float) -> None:
        with self._lock:
            self._wanted.clear()
            self._silent_until = self._clock() + min(max(pause, PAUSE), LONGEST_PAUSE)


class _Unavailable(Exception):
    """The server gives no answer now."""

    def __init__(self, pause: float = PAUSE) -> None:
        super().__init__(pause)
        self.pause = pause


def _read_sentry(links: SentryLinks, fingerprint: str) -> Issue | None:
    """Ask as docs.sentry.io describes: API › Events & Issues; GlitchTip answers the same."""
    organization = f"/api/0/organizations/{links.org}/issues/"
    query = f"wald.fingerprint:{fingerprint}"
    if links.kind == "sentry":
        query = f"project:{links.project} {query}"
    found = _get(links, organization, query=query, limit="1")
    if not isinstance(found, list) or not found:
        return None
    # A list's items don't tell the release.
    issue = _get(links, f"{organization}{_id(found[0])}/")
    release = issue.get("lastRelease") or {}
    return Issue(
        title=_text(issue.get("title")) or "(no title)",
        status=_text(issue.get("status")) or "unknown",
        level=_text(issue.get("level")),
        release=_text(release.get("version")),
        url=links.of_issue(_id(issue)),
    )


def _read_bugsink(links: SentryLinks, fingerprint: str) -> Issue | None:
    """Ask as its own API says: /api/canonical/0/schema/swagger-ui/ on every server.

    It searches by tag, and tells releases, from 2.6.2 on.
    """
    path = "/api/canonical/0/issues/"
    query = f"wald.fingerprint:{fingerprint}"
    found = _get(links, path, project=links.project, q=query)["results"]
    if not found:
        return None
    issue = found[-1]
    # Older servers don't know the search and give every issue; nor do they give tags.
    tags = _get(links, f"{path}{_id(issue)}/tags/", key="wald.fingerprint")["results"]
    if fingerprint not in [tag["value"] for tag in tags]:
        return None
    resolved, muted = issue["is_resolved"], issue["is_muted"]
    releases = [release for release in issue["events_at"] if release]
    named = (_text(issue["calculated_type"]), _text(issue["calculated_value"]))
    return Issue(
        title=": ".join(filter(None, named)) or "(no title)",
        status="resolved" if resolved else "muted" if muted else "unresolved",
        level=None,
        release=_text(releases[-1]) if releases else None,
        url=links.of_issue(_id(issue)),
    )


_READERS = {"sentry": _read_sentry, "glitchtip": _read_sentry, "bugsink": _read_bugsink}


def _get(links: SentryLinks, path: str, **query: str) -> Any:
    deadline = time.monotonic() + LONGEST_ANSWER
    try:
        with requests.get(
            links.url + path,
            params=query,
            headers={"Authorization": f"Bearer {links.token}", "Accept": "application/json"},
            timeout=TIMEOUT,
            stream=True,
            allow_redirects=False,  # the token is for this server alone
        ) as answer:
            if answer.status_code != 200:
                raise _Unavailable(_pause(answer.headers))
            content = b""
            for part in answer.iter_content(65_536):
                content += part
                if len(content) > LARGEST_ANSWER or time.monotonic() > deadline:
                    raise _Unavailable
    except (requests.RequestException, OSError) as error:
        raise _Unavailable from error
    return json.loads(content)


def _pause(headers: Mapping[str, str]) -> float:
    """Seconds that an answer asks to wait for; Sentry also names the moment its limit ends."""
    after = headers.get("Retry-After", "")
    if after.isdecimal():
        return float(after)
    reset = headers.get("X-Sentry-Rate-Limit-Reset", "")
    return float(reset) - time.time() if reset.isdecimal() else PAUSE


def _id(issue: Mapping[str, Any]) -> str:
    found = str(issue["id"])
    if not _ID.fullmatch(found):
        raise _Unavailable
    return found


def _text(value: object) -> str | None:
    return value[:500] if isinstance(value, str) and value else None
