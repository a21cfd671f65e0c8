"""What Sentry knows of an error, in one line, as soon as it is known."""

from __future__ import annotations

import streamlit as st

from dashboard.sentry import SentryLinks
from dashboard.sentry_issues import Issue, SentryIssues
from dashboard.words import plain_markdown


def issue_line(links: SentryLinks | None, fingerprint: str) -> None:
    """Draw the issue's title, status, level and last release, with its age; or nothing.

    Without a token, or while Sentry gives no answer, there is nothing. What is asked for now comes
    into the line by itself.
    """
    if links and links.token:
        _line(links, fingerprint)


@st.fragment(run_every="3s")
def _line(links: SentryLinks, fingerprint: str) -> None:
    known = _issues(links, links.token).of(fingerprint)
    if known and known.issue:
        st.markdown(_said(known.issue, known.age))


def _said(issue: Issue, age: float) -> str:
    words = (issue.status, issue.level, issue.release and f"last seen in {issue.release}")
    told = " · ".join(plain_markdown(word) for word in words if word)
    when = f"{age / 60:.0f} min ago" if age >= 60 else "just now"
    return f"[{plain_markdown(issue.title)} ↗]({issue.url}) · {told} · read {when}"


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs={SentryLinks: repr})
def _issues(links: SentryLinks, token: str) -> SentryIssues:
    return SentryIssues(links)
