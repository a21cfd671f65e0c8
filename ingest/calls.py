"""Calls of a database with little ado: what they cost decides how many reports a second fit.

`Reference.update()` makes text of its argument and has requests build a session's request around
it, which costs more than everything else the function does with the reports; `Query.get()` has
requests put the answer together from pieces of ten kilobytes, and makes a dictionary a report,
sorted by their text. A call here goes over the same firebase-admin client's connections, with its
credential, time-out and retries.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import NamedTuple

import certifi
from firebase_admin import db
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from requests.utils import prepend_scheme_if_needed, requote_uri, select_proxy
from urllib3 import BaseHTTPResponse, HTTPConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError, TimeoutError

from ingest.connection import DatabaseRefused, DatabaseUnavailable, no_answer


class Selection(NamedTuple):
    """What a query selects."""

    body: bytes
    """Its JSON."""
    date: str | None
    """When the database answered, by its own clock, as HTTP says it."""


class Caller:
    """Calls one database; may be used by several threads."""

    def __init__(self, root: db.Reference, *, embedded: bool = False) -> None:
        """Nothing is sent yet.

        Args:
            embedded: it is the database that comes with Wald, as no other was named.
        """
        self._embedded = embedded
        client = root._client
        self.base: str = client.base_url
        """The address of the database's server."""
        self.target: str = "/.json?" + "&".join(
            f"{name}={value}" for name, value in {"print": "silent", **client.params}.items()
        )
        """What is asked there."""
        self.timeout: float = client.timeout
        """Seconds to wait for an answer."""
        self._credential = client.credential
        # Asks for a new token when the last one expires; by itself it would wait for two minutes.
        self._renewing = partial(Request(), timeout=self.timeout)
        adapter = client.session.get_adapter(self.base)
        self._retries = adapter.max_retries
        said = client.session.merge_environment_settings(self.base, {}, None, None, None)
        self.authorities: str = certifi.where() if said["verify"] is True else said["verify"]
        """File or folder with the certificates that are believed in."""
        proxy = select_proxy(self.base, said["proxies"])
        self.proxied: bool = bool(proxy)
        """Whether the environment names a proxy to it."""
        if proxy:
            manager = adapter.proxy_manager_for(prepend_scheme_if_needed(proxy, "http"))
        else:
            manager = adapter.poolmanager
        where = "ca_cert_dir" if Path(self.authorities).is_dir() else "ca_certs"
        tls = {}
        if self.base.startswith("https:"):
            tls = {"cert_reqs": "CERT_REQUIRED", where: self.authorities}
        self._pool: HTTPConnectionPool = manager.connection_from_url(self.base, pool_kwargs=tls)
        # A proxy is asked for the whole address, unless it only lets TLS through.
        self._place = self.base if proxy and not tls else ""

    def patch(self, body: bytes) -> int:
        """Send a multi-path update, as JSON, and return when it is durable.

        Returns how often it had to be sent again; that changes nothing, as its keys are in it.

        Raises:
            DatabaseRefused: the database answers, but does not take it.
            DatabaseUnavailable: it may not be stored.
        """
        answer = self._call("PATCH", self.target, {"Content-Type": "application/json"}, body)
        return len(answer.retries.history) if answer.retries else 0

    def get(self, query: db.Query) -> Selection:
        """What a query selects.

        Raises:
            DatabaseUnavailable: the database does not answer, or refuses.
        """
        said = "&".join([query._querystr, *(f"{n}={v}" for n, v in query._client.params.items())])
        target = requote_uri(f"{query._pathurl}?{said}")
        answer = self._call("GET", target, {"Accept-Encoding": "gzip, deflate"})
        return Selection(answer.data, answer.headers.get("Date"))

    def _call(
        self, method: str, target: str, headers: dict[str, str], body: bytes | None = None
    ) -> BaseHTTPResponse:
        try:
            self._authorize(method, headers)
            answer = self._pool.urlopen(
                method,
                self._place + target,
                body=body,
                headers=headers,
                retries=self._retries,
                redirect=False,
                assert_same_host=False,
                timeout=self.timeout,
            )
        except HTTPError as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError) and not isinstance(reason, NewConnectionError):
                raise self.unavailable("did not answer in time") from error
            raise DatabaseUnavailable(no_answer(self.base, embedded=self._embedded)) from error
        except GoogleAuthError as error:
            raise self.unavailable(f"can't be asked: {error}") from error
        self.check(answer.status, answer.data[:200])
        return answer

    async def authorized(self, headers: dict[str, str]) -> dict[str, str]:
        """Headers, and what proves who asks; waits for a new token without holding others up.

        Raises:
            GoogleAuthError: there is none to be had.
        """
        if self._credential.valid:
            self._credential.apply(headers)
        else:
            await asyncio.to_thread(self._authorize, "PATCH", headers)
        return headers

    def _authorize(self, method: str, headers: dict[str, str]) -> None:
        self._credential.before_request(self._renewing, method, self.base, headers)

    def check(self, status: int, said: bytes) -> None:
        """Raise `DatabaseRefused` or `DatabaseUnavailable` unless an answer's status is success."""
        if 200 <= status < 300:
            return
        sentence = f"refused: {status} {said.decode(errors='replace')}"
        if status in (400, 413):
            raise DatabaseRefused(self._sentence(sentence))
        raise self.unavailable(sentence)

    def unavailable(self, what: str) -> DatabaseUnavailable:
        """What is to be raised when no answer, or none of use, came."""
        return DatabaseUnavailable(self._sentence(what))

    def _sentence(self, what: str) -> str:
        return f"The database at {self.base} {' '.join(what.split())}"
