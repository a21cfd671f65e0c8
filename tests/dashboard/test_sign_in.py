"""Nobody sees anything who may not look: in a browser, with a real identity provider."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState, WebSocket, expect
from playwright.sync_api import Page as Tab

from tests import browser
from tests.dashboard.test_pages import visit
from tests.looks import take_pictures
from tests.loop.page import PATIENCE, READY
from tests.loop.parts import ROOT, dashboard, environment, free_port, python, serving
from tests.rtdb.server import running

PLANTED = ("7.7.7-planted", "PlantedOS")
"""A version and a system that nobody may read who may not look."""

USERS = {
    "right": {"email": "ann@example.org", "email_verified": True},
    "wrong": {"email": "eve@example.com", "email_verified": True},
    "unverified": {"email": "ann@example.org", "email_verified": False},
}

SECRETS = """
WALD_VIEWERS = ["ann@example.org", "@team.example"]
[auth]
redirect_uri = "{dashboard}/oauth2callback"
cookie_secret = "{cookie}"
client_id = "wald"
client_secret = "not checked"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@dataclass(frozen=True)
class Visitor:
    """A browser of somebody's own, and everything that came over the network into it."""

    tab: Tab
    har: Path
    """A record of every response, written when the browser closes."""
    frames: list[bytes] = field(default_factory=list)

    def open(self, address: str) -> None:
        """Go there and wait for the script's end."""
        self.tab.goto(address)
        self.tab.wait_for_selector('h1, h2, h3, h4, h5, [data-testid="stAlert"]')
        self.tab.wait_for_selector(READY)

    def sign_in(self, name: str) -> None:
        """Press the button, and choose an account at the provider."""
        self.tab.get_by_role("button", name="Sign in").click()
        self.tab.get_by_role("button", name=name, exact=True).click()
        self.tab.get_by_text("Sign out").or_(self.tab.get_by_text("Account")).first.wait_for()
        self.tab.wait_for_selector(READY)

    def heard(self) -> list[str]:
        """Which planted words came in a response's body or in a frame of a socket.

        Bodies are there once the browser is closed.
        """
        entries = json.loads(self.har.read_text())["log"]["entries"]
        bodies = [_body(entry["response"]["content"]) for entry in entries]
        assert any(b"<title>" in body for body in bodies)  # they were recorded
        text = b"\n".join([*bodies, *self.frames])
        return [word for word in PLANTED if word.encode() in text]


def _body(content: dict[str, str]) -> bytes:
    text = content.get("text", "")
    return base64.b64decode(text) if content.get("encoding") == "base64" else text.encode()


@contextmanager
def visiting(
    chromium: Browser, folder: Path, kept: StorageState | None = None
) -> Iterator[Visitor]:
    """A browser that was never here before, but for the cookies it brings."""
    har = folder / f"{secrets.token_hex(4)}.har"
    context = chromium.new_context(
        viewport={"width": 1400, "height": 1000},
        storage_state=kept,
        record_har_path=har,
        record_har_content="embed",
    )
    context.set_default_timeout(PATIENCE)
    visitor = Visitor(context.new_page(), har)
    visitor.tab.on("websocket", lambda socket: _listen(socket, visitor.frames))
    yield visitor
    context.close()


def _listen(socket: WebSocket, frames: list[bytes]) -> None:
    def keep(frame: bytes | str) -> None:
        frames.append(frame if isinstance(frame, bytes) else frame.encode())

    socket.on("framereceived", keep)


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a dashboard whose warehouse holds the planted words."""
    folder = tmp_path_factory.mktemp("planted")
    metrics = {"os": PLANTED[1], "package_version": PLANTED[0]}
    reports = [visit(n, 3.0, metrics=metrics) for n in range(40)]
    with running(folder / "rtdb") as server:
        env = environment(
            FIREBASE_DATABASE_EMULATOR_HOST=f"{server.host}:{server.port}",
            WALD_WAREHOUSE=str(folder / "warehouse.duckdb"),
        )
        lines = "\n".join(map(json.dumps, reports)).encode()
        done = python("-m", "ingest", "import", "-", env=env, stdin=lines)
        assert done.stdout == "stored 40, refused 0\n"
        assert python("-m", "dashboard", "sync", env=env).returncode == 0
        yield env


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.launched() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def guarded(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard that asks visitors to sign in."""
    folder = tmp_path_factory.mktemp("guarded")
    port, place = free_port(), free_port()
    claims = [json.dumps({"sub": name, **claims}) for name, claims in USERS.items()]
    users = [word for claim in claims for word in ("--user-claims", claim)]
    serve = ["-m", "oidc_provider_mock", "--port", str(place), *users]
    shutil.copytree(
        ROOT / ".streamlit",
        folder / ".streamlit",
        ignore=shutil.ignore_patterns("secrets.toml"),
    )
    with serving(
        serve, f"http://127.0.0.1:{place}", "/jwks", env, folder / "provider.log"
    ) as provider:
        (folder / ".streamlit" / "secrets.toml").write_text(
            SECRETS.format(
                dashboard=f"http://127.0.0.1:{port}",
                cookie=secrets.token_hex(),
                provider=provider,
            )
        )
        log = folder / "dashboard.log"
        with dashboard(log, env, address="0.0.0.0", port=port, cwd=folder) as address:
            yield address


@pytest.mark.parametrize("path", ["", "errors"])
def test_who_is_signed_out_sees_nothing(
    guarded: str, chromium: Browser, tmp_path: Path, path: str
) -> None:
    with visiting(chromium, tmp_path) as visitor:
        visitor.open(f"{guarded}/{path}")
        expect(visitor.tab.get_by_role("button", name="Sign in")).to_be_visible()
        take_pictures(visitor.tab, "sign-in")
    assert visitor.heard() == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wrong", "eve@example.com is not among those who may look at this dashboard."),
        ("unverified", "does not vouch that ann@example.org is yours: it is not verified."),
    ],
)
def test_a_wrong_address_is_refused(
    guarded: str, chromium: Browser, tmp_path: Path, name: str, said: str
) -> None:
    with visiting(chromium, tmp_path) as visitor:
        visitor.open(guarded)
        visitor.sign_in(name)
        assert said in visitor.tab.get_by_test_id("stAlert").inner_text()
        visitor.open(f"{guarded}/platforms")
        assert said in visitor.tab.get_by_test_id("stAlert").inner_text()
        take_pictures(visitor.tab, f"refused-{name}")
    assert visitor.heard() == []


def test_the_right_address_sees_the_page_until_it_signs_out(
    guarded: str, chromium: Browser, tmp_path: Path
) -> None:
    with visiting(chromium, tmp_path) as visitor:
        visitor.open(guarded)
        visitor.sign_in("right")
        visitor.open(f"{guarded}/platforms")
        visitor.tab.get_by_role("link", name="Account").click()
        expect(visitor.tab.get_by_text("You are signed in as ann@example.org.")).to_be_visible()
        visitor.tab.get_by_role("button", name="Sign out").click()
        visitor.tab.wait_for_url("**/oauth2/end_session**")
        left = visitor.tab.context.storage_state()
    assert visitor.heard() == list(PLANTED)

    with visiting(chromium, tmp_path, left) as visitor:
        visitor.open(f"{guarded}/platforms")
        expect(visitor.tab.get_by_role("button", name="Sign in")).to_be_visible()
    assert visitor.heard() == []


def test_without_sign_in_nobody_else_sees_anything(
    env: dict[str, str], chromium: Browser, tmp_path: Path
) -> None:
    with (
        dashboard(tmp_path / "log", env, address="0.0.0.0") as address,
        visiting(chromium, tmp_path) as visitor,
    ):
        visitor.open(address)
        said = visitor.tab.get_by_test_id("stAlert").inner_text()
    assert "shows its numbers to this machine alone, because nobody signs in" in said
    assert visitor.heard() == []


def test_behind_a_gateway_whoever_it_lets_in_sees_the_page(
    env: dict[str, str], chromium: Browser, tmp_path: Path
) -> None:
    settings = {**env, "WALD_GATEWAY": "on"}
    with (
        dashboard(tmp_path / "log", settings, address="0.0.0.0") as address,
        visiting(chromium, tmp_path) as visitor,
    ):
        visitor.open(f"{address}/platforms")
    assert visitor.heard() == list(PLANTED)
