"""Who may look at the dashboard: those who sign in and are listed, or whoever a gateway lets in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ingest.store import SettingError

LOOPBACK = ("127.0.0.1", "::1", "localhost")

FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip")
"""Headers that something between the browser and the dashboard adds."""

LEAST_SECRET = 32
"""Characters of a cookie secret: whoever guesses it signs in as anybody."""

CALLBACK = "/oauth2callback"

_ADDRESS = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")
_DOMAIN = re.compile(r"@?([a-z0-9-]+\.)+[a-z0-9-]+")
_SHARED = ("redirect_uri", "cookie_secret")
_OF_A_PROVIDER = ("client_id", "client_secret", "server_metadata_url")


@dataclass(frozen=True)
class Viewers:
    """Addresses and domains, in lower case."""

    addresses: frozenset[str]
    domains: frozenset[str]

    @classmethod
    def read(cls, given: str) -> Viewers:
        """Read a list with commas between: ``me@example.org, @example.com``.

        Raises:
            SettingError: one of them is neither an address nor a domain.
        """
        words = [word.strip().lower() for word in given.split(",") if word.strip()]
        for word in words:
            if not (_ADDRESS.fullmatch(word) or _DOMAIN.fullmatch(word)):
                raise SettingError(
                    f"WALD_VIEWERS names {word!r}; give addresses such as me@example.org and "
                    "domains such as @example.org, with commas between"
                )
        addresses = frozenset(word for word in words if _ADDRESS.fullmatch(word))
        domains = (word.removeprefix("@") for word in words if word not in addresses)
        return cls(addresses, frozenset(domains))

    def include(self, address: str) -> bool:
        """Whether the address is listed, or its whole domain (not one below it)."""
        address = address.lower()
        if not _ADDRESS.fullmatch(address):
            return False
        return address in self.addresses or address.partition("@")[2] in self.domains


@dataclass(frozen=True)
class Access:
    """Who may look."""

    providers: tuple[str, ...] = ()
    """Of identity, as ``[auth]`` names them; empty where nobody signs in."""
    viewers: Viewers = Viewers(frozenset(), frozenset())
    gateway: bool = False
    """Something in front of the dashboard lets in only those who may look."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Access:
        """Read `WALD_VIEWERS`, `WALD_GATEWAY` and the table ``[auth]``, its keys as ``auth.key``.

        Raises:
            SettingError: one of them can't be used, or one that must be there is not.
        """
        gateway = environ.get("WALD_GATEWAY", "").strip().lower() or "off"
        if gateway not in ("on", "off"):
            raise SettingError(f"WALD_GATEWAY is {environ['WALD_GATEWAY']!r}; give on or off")
        viewers = Viewers.read(environ.get("WALD_VIEWERS", ""))
        auth = {
            key.removeprefix("auth."): value
            for key, value in environ.items()
            if key.startswith("auth.")
        }
        providers = _providers(auth)
        if providers and viewers == cls.viewers:
            raise SettingError(
                "WALD_VIEWERS names nobody, but [auth] signs people in; give the addresses and "
                "domains that may look, such as me@example.org, @example.com"
            )
        if viewers != cls.viewers and not providers:
            raise SettingError(
                "WALD_VIEWERS names who may look, but nobody can sign in; give [auth] in "
                ".streamlit/secrets.toml as well"
            )
        return cls(providers, viewers, gateway == "on")

    def open_to(self, address: str | None, headers: Mapping[str, str]) -> bool:
        """Whether who asks needs no sign-in, where nobody signs in.

        Args:
            address: what the server listens on; None: on every address of the machine.
            headers: of the request.
        """
        if self.gateway:
            return True
        return address in LOOPBACK and not any(name in headers for name in FORWARDED)

    def refusal(self, user: Mapping[str, object]) -> str | None:
        """Why somebody who is signed in may not look, as a sentence; None for who may.

        Args:
            user: the claims of their identity token. An address counts only where the provider
                vouches that it is theirs: by ``email_verified`` (OpenID Connect Core 1.0, 5.1) or
                Microsoft's ``xms_edov``.
        """
        address = user.get("email")
        if not isinstance(address, str) or not address:
            return "Your sign-in names no mail address, so it can't be told whether you may look."
        vouched = user.get("email_verified", user.get("xms_edov"))
        # Some providers write the truth as text or number.
        if str(vouched).lower() not in ("true", "1"):
            return f"Your sign-in does not vouch that {address} is yours: it is not verified."
        if not self.viewers.include(address):
            return f"{address} is not among those who may look at this dashboard."
        return None


def _providers(auth: Mapping[str, str]) -> tuple[str, ...]:
    """The providers that the table describes: ``default`` where it is one without a name."""
    if not auth:
        return ()
    for key in _SHARED:
        _require(auth, key)
    if len(auth["cookie_secret"]) < LEAST_SECRET:
        raise SettingError(
            f"cookie_secret in [auth] has {len(auth['cookie_secret'])} characters; give "
            f"{LEAST_SECRET} or more that nobody can guess: "
            "python -c 'import secrets; print(secrets.token_hex())'"
        )
    if not auth["redirect_uri"].endswith(CALLBACK):
        raise SettingError(
            f"redirect_uri in [auth] is {auth['redirect_uri']!r}; give the dashboard's own "
            f"address and {CALLBACK}, such as https://wald.example.org{CALLBACK}"
        )
    tables = {key.partition(".")[0] for key in auth if "." in key}
    named = sorted(name for name in tables if f"{name}.client_id" in auth)
    unnamed = [] if named and "client_id" not in auth else ["default"]
    for name in [*unnamed, *named]:
        for key in _OF_A_PROVIDER:
            _require(auth, key if name == "default" else f"{name}.{key}")
    return (*unnamed, *named)


def _require(auth: Mapping[str, str], key: str) -> None:
    if not auth.get(key):
        table, _, name = f"auth.{key}".rpartition(".")
        raise SettingError(
            f"{name} is not set in [{table}] of .streamlit/secrets.toml; sign-in needs it, see "
            ".streamlit/secrets.example.toml"
        )
