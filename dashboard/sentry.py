"""Links from Wald's numbers to the events behind them in Sentry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from ingest.store import SettingError

DEFAULT_URL = "https://sentry.io"


@dataclass(frozen=True)
class SentryLinks:
    """Addresses in one project of a Sentry server."""

    url: str
    org: str
    project: str

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> SentryLinks | None:
        """Read `SENTRY_URL`, `SENTRY_ORG` and `SENTRY_PROJECT`; None where Sentry isn't used.

        Raises:
            SettingError: only some of them are set, or the address is none.
        """
        url, org, project = (
            environ.get(name, "").strip() for name in ("SENTRY_URL", "SENTRY_ORG", "SENTRY_PROJECT")
        )
        if not (org or project or url):
            return None
        if not (org and project):
            missing = "SENTRY_PROJECT" if org else "SENTRY_ORG"
            raise SettingError(
                f"{missing} is not set; links to Sentry need SENTRY_ORG and SENTRY_PROJECT "
                f"(SENTRY_URL alone defaults, to {DEFAULT_URL})"
            )
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
            raise SettingError(f"SENTRY_URL is {url!r}; give an address such as {DEFAULT_URL}")
        return cls((url or DEFAULT_URL).rstrip("/"), org, project)

    def of_fingerprint(self, fingerprint: str) -> str:
        """The search that finds an error's issue by the tag the collector set."""
        query = f"project:{self.project} wald.fingerprint:{fingerprint}"
        return f"{self._organization}/issues/?" + urlencode({"query": query}, quote_via=quote)

    def of_event(self, event: str) -> str:
        """The page of one event, by its id."""
        return f"{self._organization}/projects/{quote(self.project)}/events/{event}/"

    @property
    def _organization(self) -> str:
        return f"{self.url}/organizations/{quote(self.org)}"
