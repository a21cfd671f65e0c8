"""A request as the protocol means it: where, how and by whom."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from rtdb.errors import Refusal
from rtdb.keys import Path, check_path

DEFAULT_NAMESPACE = "default"
RULES_PATH = "/.settings/rules.json"
SHORT_QUERY = 200
OWNER = "owner"  # the token that Firebase's server clients send to an emulator


@dataclass(frozen=True)
class Request:
    """The head of a request."""

    method: str
    target: str
    headers: dict[bytes, bytes]
    parameters: dict[str, str]

    @cached_property
    def path(self) -> Path:
        """Where it goes; `a/b.json` is the place /a/b."""
        if not self.target.endswith(".json"):
            raise Refusal(404, "Not found: a path ends in .json, as in /a/b.json.")
        return check_path(self.target.removesuffix(".json"))

    @property
    def namespace(self) -> str:
        """Which database it is for."""
        name = self.parameters.get("ns", DEFAULT_NAMESPACE)
        if not name.isprintable() or not 0 < len(name) <= 128:
            raise Refusal(400, "Invalid namespace: ns must be 1 to 128 printable characters.")
        return name

    @property
    def is_owner(self) -> bool:
        """Whether it carries the owner's token, and does not ask to be taken for another."""
        if "auth_variable_override" in self.parameters:
            return False
        given = self.parameters.get("access_token") or self.parameters.get("auth")
        bearer = self.headers.get(b"authorization", b"")
        return given == OWNER or bearer == b"Bearer " + OWNER.encode()

    @property
    def pretty(self) -> bool:
        """Whether the answer is to be indented."""
        return self.parameters.get("print") == "pretty"

    @property
    def silent(self) -> bool:
        """Whether the answer is to be without a body."""
        return self.parameters.get("print") == "silent"

    def header(self, name: bytes) -> str | None:
        """A header's value, or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1").strip()


def parse_request(scope: dict[str, Any]) -> Request:
    """Read the head of a request from its ASGI scope."""
    headers = dict(scope["headers"])
    try:
        query: bytes = scope["query_string"]
        parse = _known_parameters if len(query) <= SHORT_QUERY else _parameters
        parameters = parse(query)
        target = unquote(scope["raw_path"].decode("ascii"), errors="strict")
    except ValueError:
        raise Refusal(400, "Invalid URL: it must be percent-encoded UTF-8.") from None
    override = headers.get(b"x-http-method-override", b"").decode("latin-1")
    method = override or parameters.get("x-http-method-override") or scope["method"]
    return Request(method.upper(), target, headers, parameters)


def _parameters(query: bytes) -> dict[str, str]:
    return dict(parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict"))


_known_parameters = lru_cache(maxsize=256)(_parameters)  # most writes have the same
