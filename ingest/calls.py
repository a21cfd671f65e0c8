"""Updates of a database with little ado: what they cost decides how many reports a second fit.

`Reference.update()` makes text of its argument and has requests build a session's request around
it, which costs more than everything else the function does with the reports. An update here goes
over the same firebase-admin client's connections, with its credential, time-out and retries.
"""

from __future__ import annotations

import certifi
from firebase_admin import db
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError, TimeoutError

from ingest.connection import DatabaseRefused, DatabaseUnavailable

_TLS = {"cert_reqs": "CERT_REQUIRED", "ca_certs": certifi.where()}


class Caller:
    """Sends updates to one database; may be used by several threads."""

    def __init__(self, root: db.Reference) -> None:
        """Nothing is sent yet."""
        client = root._client
        self._base = client.base_url
        self._credential = client.credential
        self._timeout = client.timeout
        self._target = "/.json?" + "&".join(
            f"{name}={value}" for name, value in {"print": "silent", **client.params}.items()
        )
        self._renewing = Request()  # asks for a new token when the last one expires
        adapter = client.session.get_adapter(self._base)
        self._retries = adapter.max_retries
        proxy = select_proxy(self._base, get_environ_proxies(self._base))
        manager = adapter.proxy_manager_for(proxy) if proxy else adapter.poolmanager
        tls = _TLS if self._base.startswith("https:") else {}
        self._pool: HTTPConnectionPool = manager.connection_from_url(self._base, pool_kwargs=tls)

    def patch(self, body: bytes) -> int:
        """Send a multi-path update, as JSON, and return when it is durable.

        Returns how often it had to be sent again; that changes nothing, as its keys are in it.

        Raises:
            DatabaseRefused: the database answers, but does not take it.
            DatabaseUnavailable: it may not be stored.
        """
        headers = {"Content-Type": "application/json"}
        try:
            self._credential.before_request(self._renewing, "PATCH", self._base, headers)
            answer = self._pool.urlopen(
                "PATCH",
                self._target,
                body=body,
                headers=headers,
                retries=self._retries,
                timeout=self._timeout,
            )
        except TimeoutError as error:
            raise self._unavailable("did not answer in time") from error
        except HTTPError as error:
            raise self._unavailable("does not answer") from error
        except GoogleAuthError as error:
            raise self._unavailable(f"can't be asked: {error}") from error
        if answer.status >= 300:
            said = f"refused: {answer.status} {answer.data[:200].decode(errors='replace')}"
            if answer.status in (400, 413):
                raise DatabaseRefused(self._sentence(said))
            raise self._unavailable(said)
        return len(answer.retries.history) if answer.retries else 0

    def _unavailable(self, what: str) -> DatabaseUnavailable:
        return DatabaseUnavailable(self._sentence(what))

    def _sentence(self, what: str) -> str:
        return f"The database at {self._base} {' '.join(what.split())}"
