"""Which Realtime Database is meant, and the way to it through firebase-admin."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import firebase_admin
import requests
from firebase_admin import credentials, db, exceptions
from google.auth.exceptions import GoogleAuthError

EMBEDDED_HOST = "127.0.0.1:9000"
EMBEDDED_URL = "https://wald.firebaseio.com"

_ADDRESS = re.compile(r"([A-Za-z0-9._-]+|\[[0-9a-f:]+])(:[0-9]+)?")

_app_numbers = itertools.count()


class SettingError(ValueError):
    """A setting is missing or wrong; the message says which, and what is allowed."""


class DatabaseUnavailable(Exception):
    """The database does not answer, or refuses; the message says where and why."""


class DatabaseRefused(DatabaseUnavailable):
    """The database answers, but does not take what it was sent."""


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the reports live."""

    urls: tuple[str, ...]
    """As firebase-admin takes them: ``https://`` hosted, ``http://host:port/?ns=name`` local."""
    embedded: bool
    """No setting was made, so the database that comes with Wald is meant."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> DatabaseSettings:
        """Read `FIREBASE_DATABASE_URL` and `FIREBASE_DATABASE_EMULATOR_HOST`.

        With neither set, the embedded database on `EMBEDDED_HOST` is meant.

        Raises:
            SettingError: a value can't be one.
        """
        host = environ.get("FIREBASE_DATABASE_EMULATOR_HOST", "").strip()
        given = environ.get("FIREBASE_DATABASE_URL", "").strip()
        if not given and not host:
            return cls((_local_url(EMBEDDED_HOST, EMBEDDED_URL),), embedded=True)
        urls = [url.strip() for url in given.split(",")] if given else [EMBEDDED_URL]
        if not all(_is_database(url) for url in urls):
            raise SettingError(
                f"FIREBASE_DATABASE_URL is {given!r}; give the address of a Realtime Database, "
                "such as https://my-project-default-rtdb.firebaseio.com (several with commas "
                "between), or of a local one, such as http://127.0.0.1:9000/?ns=my-project"
            )
        if len(set(urls)) < len(urls):
            raise SettingError(f"FIREBASE_DATABASE_URL names a database twice: {given}")
        if host:
            if not (_is_database(_local_url(host, EMBEDDED_URL)) and re.search(r":[0-9]+$", host)):
                raise SettingError(
                    f"FIREBASE_DATABASE_EMULATOR_HOST is {host!r}; give host:port, such as "
                    f"{EMBEDDED_HOST}"
                )
            urls = [_local_url(host, url) for url in urls]
        return cls(tuple(urls), embedded=False)


def _is_database(url: str) -> bool:
    """Whether firebase-admin can use it: hosted, or local and naming one database there."""
    try:
        parts = urlsplit(url)
        valid = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not valid or not _ADDRESS.fullmatch(parts.netloc) or parts.path not in ("", "/"):
        return False
    if url.startswith("https:"):
        return "." in parts.netloc and not parts.query
    return url.startswith("http:") and len(parse_qs(parts.query).get("ns", [])) == 1


def _local_url(host: str, url: str) -> str:
    """The address firebase-admin would make of an emulator's host and a hosted URL."""
    if url.startswith("http:"):
        return url
    return f"http://{host}/?ns={urlsplit(url).netloc.split('.')[0]}"


def check_credential(settings: DatabaseSettings) -> None:
    """Look for the Google credential that a hosted database asks for; a local one needs none.

    Raises:
        SettingError: there is none, or its file is damaged.
    """
    hosted = [url for url in settings.urls if url.startswith("https:")]
    if not hosted:
        return
    try:
        credentials.ApplicationDefault().get_credential()
    except (GoogleAuthError, OSError, ValueError, AttributeError) as error:
        # AttributeError: google-auth takes any JSON for an object. Its own errors carry their
        # sentence first, and then what they were made from.
        why = str(error.args[0] if isinstance(error, GoogleAuthError) else error)
        raise SettingError(
            f"FIREBASE_DATABASE_URL names the hosted database {hosted[0]}, but there is no "
            "usable Google credential: set GOOGLE_APPLICATION_CREDENTIALS to the file of a "
            "service account's key, or FIREBASE_DATABASE_EMULATOR_HOST to a local database "
            f"({' '.join(why.split())})"
        ) from error


def connect(settings: DatabaseSettings, *, timeout: float = 30) -> tuple[db.Reference, ...]:
    """Return a reference to the root of each database, in the order of the settings.

    Nothing is sent yet. To be called in the process that uses the result: a connection pool
    that was used before a fork mixes up the answers of the two processes.

    Args:
        timeout: seconds to wait for the database to connect, and for each piece of an answer.

    Raises:
        SettingError: a hosted database is named, but no Google credential is found.
    """
    check_credential(settings)
    app = firebase_admin.initialize_app(
        options={"httpTimeout": timeout}, name=f"wald-{next(_app_numbers)}"
    )
    return tuple(db.reference("/", app=app, url=url) for url in settings.urls)


def no_answer(where: str, *, embedded: bool) -> str:
    """The sentence about a database that does not answer."""
    if not embedded:
        return f"The database at {where} does not answer"
    return (
        f"No database answers at {where}, the embedded default: start it with `make run` "
        "or `python -m rtdb`, or set FIREBASE_DATABASE_URL to another"
    )


@contextmanager
def translated(root: db.Reference, *, embedded: bool) -> Iterator[None]:
    """Turn what firebase-admin raises into one sentence."""
    try:
        yield
    except (exceptions.FirebaseError, GoogleAuthError) as error:
        where = root._client.base_url
        if isinstance(error, exceptions.UnavailableError):
            sentence = no_answer(where, embedded=embedded)
        elif isinstance(error, exceptions.DeadlineExceededError):
            sentence = f"The database at {where} did not answer in time"
        else:
            sentence = f"The database at {where} refused: {' '.join(str(error).split())}"
        if isinstance(error, exceptions.InvalidArgumentError):
            raise DatabaseRefused(sentence) from error
        raise DatabaseUnavailable(sentence) from error
    except requests.JSONDecodeError as error:
        where = root._client.base_url
        raise DatabaseUnavailable(f"What answers at {where} is no Realtime Database") from error
