"""Links from Wald's numbers to the events behind them in Sentry, or a server like it."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit
from uuid import UUID

from ingest.store import SettingError

DEFAULT_URL = "https://sentry.io"


@dataclass(frozen=True)
class Preset:
    """How a kind of server lays out its pages: addresses with names in braces to fill in."""

    error: str
    event: str
    user: str
    """Empty where the server can't search by user."""
    issue: str
    """With the server's own id of the issue."""


PRESETS = {
    # docs.sentry.io: Concepts › Search.
    "sentry": Preset(
        error="{url}/organizations/{org}/issues/"
        "?query=project%3A{project}%20wald.fingerprint%3A{fingerprint}",
        event="{url}/organizations/{org}/projects/{project}/events/{event}/",
        user="{url}/organizations/{org}/issues/?query=project%3A{project}%20user.id%3A{install}",
        issue="{url}/organizations/{org}/issues/{issue}/",
    ),
    # It takes every word with a colon for a tag, a project's too; an event's id, when alone, for
    # the event's; and has no word for users (apps/issue_events/api/issues.py, filter_issue_list).
    "glitchtip": Preset(
        error="{url}/{org}/issues?query=wald.fingerprint%3A{fingerprint}",
        event="{url}/{org}/issues?query={event}",
        user="",
        issue="{url}/{org}/issues/{issue}",
    ),
    # Projects are numbers (issues/urls.py, tags/search.py).
    "bugsink": Preset(
        error="{url}/issues/{project}/all/?q=wald.fingerprint%3A{fingerprint}",
        event="{url}/issues/event/{event}/",
        user="{url}/issues/{project}/all/?q=user.id%3A{install}",
        issue="{url}/issues/issue/{issue}/event/last/",
    ),
}

_EVENT = re.compile(r"[0-9a-f]{32}")
_PLACES = ("url", "org", "project")
_LINKS = {
    "SENTRY_ERROR_LINK": "fingerprint",
    "SENTRY_EVENT_LINK": "event",
    "SENTRY_USER_LINK": "install",
}
"""Settings that replace a preset's address, and the name that each must hold."""


@dataclass(frozen=True)
class SentryLinks:
    """Addresses in one project of a server."""

    kind: str
    """One of `PRESETS`."""
    url: str
    org: str
    project: str
    error_link: str
    event_link: str
    user_link: str
    token: str = field(default="", repr=False)
    """May read issues; empty where none was given."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> SentryLinks | None:
        """Read the settings that begin with ``SENTRY_``; None where Sentry isn't used.

        Raises:
            SettingError: one of them can't be used, or one that must be there is not.
        """
        given = {name: environ.get(name, "").strip() for name in SETTINGS}
        if not any(given.values()):
            return None
        kind = given["SENTRY_KIND"].lower() or "sentry"
        if kind not in PRESETS:
            raise SettingError(f"SENTRY_KIND is {kind!r}; give {', '.join(PRESETS)}")
        _require(given, kind)
        preset = PRESETS[kind]
        return cls(
            kind=kind,
            url=(given["SENTRY_URL"] or DEFAULT_URL).rstrip("/"),
            org=given["SENTRY_ORG"],
            project=given["SENTRY_PROJECT"],
            error_link=given["SENTRY_ERROR_LINK"] or preset.error,
            event_link=given["SENTRY_EVENT_LINK"] or preset.event,
            user_link=given["SENTRY_USER_LINK"] or preset.user,
            token=given["SENTRY_AUTH_TOKEN"],
        )

    def of_fingerprint(self, fingerprint: str) -> str:
        """The search that finds an error's issue by the tag the collector set."""
        return self._filled(self.error_link, fingerprint=fingerprint)

    def of_event(self, event: str) -> str:
        """The page of one event, by its id."""
        if self.kind == "bugsink" and _EVENT.fullmatch(event):
            event = str(UUID(event))  # its addresses have them with hyphens
        return self._filled(self.event_link, event=event)

    def of_user(self, install: str) -> str | None:
        """The search for what an install met, by its pseudonym; None where there is no such."""
        return self._filled(self.user_link, install=install) if self.user_link else None

    def of_issue(self, issue: str) -> str:
        """The page of an issue, by the id that the server gave it."""
        return self._filled(PRESETS[self.kind].issue, issue=issue)

    def _filled(self, link: str, **places: str) -> str:
        names = {"org": self.org, "project": self.project, **places}
        quoted = {name: quote(value, safe="") for name, value in names.items()}
        return link.format_map({"url": self.url, **quoted})


SETTINGS = (
    *("SENTRY_KIND", "SENTRY_URL", "SENTRY_ORG", "SENTRY_PROJECT", "SENTRY_AUTH_TOKEN"),
    *_LINKS,
)


def _require(given: Mapping[str, str], kind: str) -> None:
    """Refuse what can't work, in a sentence."""
    url = given["SENTRY_URL"]
    if not url and kind != "sentry":
        raise SettingError(f"SENTRY_URL is not set; give the address of your {kind} server")
    if url and not _is_address(url):
        raise SettingError(f"SENTRY_URL is {url!r}; give an address such as {DEFAULT_URL}")
    wanted = ("SENTRY_PROJECT",) if kind == "bugsink" else ("SENTRY_ORG", "SENTRY_PROJECT")
    for name in wanted:
        if not given[name]:
            raise SettingError(
                f"{name} is not set; links to {kind} need {' and '.join(wanted)} "
                f"(SENTRY_URL alone defaults, to {DEFAULT_URL})"
            )
    if kind == "bugsink" and not given["SENTRY_PROJECT"].isdecimal():
        raise SettingError(
            f"SENTRY_PROJECT is {given['SENTRY_PROJECT']!r}; give the project's number, which "
            "Bugsink's addresses hold"
        )
    for name, place in _LINKS.items():
        _require_template(name, given[name], place)


def _require_template(name: str, template: str, place: str) -> None:
    allowed = {*_PLACES, place}
    try:
        named = {
            field for _, field, _, _ in string.Formatter().parse(template) if field is not None
        }
        right = not template or (named <= allowed and place in named)
    except ValueError:
        right = False
    # A template may begin with {url}, and must lead to a page.
    if not right or not (not template or _is_address(template.replace("{url}", DEFAULT_URL))):
        raise SettingError(
            f"{name} is {template!r}; give an address that holds {{{place}}} and may hold "
            "{url}, {org} and {project}"
        )


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc)
