"""The channel to a database: what servers and networks may do to an update, and what it says."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from ingest import channel as channel_module
from ingest.calls import Caller
from ingest.channel import Channel
from ingest.connection import (
    DatabaseRefused,
    DatabaseSettings,
    DatabaseUnavailable,
    connect,
)
from tests.ingest.function import HOST

DONE = b"HTTP/1.1 204 No Content\r\nCache-Control: no-cache\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
HANG_UP = b""
SILENCE = None

Talk = Callable[[Channel], Awaitable[None]]


class Server:
    """Answers requests with what it was given, one after another, and notes what it was sent."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0])
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0)
                if answer is SILENCE:
                    continue
                if answer == HANG_UP:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # the client has gone, or the conversation is over
        writer.close()

    def talk(self, talk: Talk, *, timeout: float = 8, tls: ssl.SSLContext | None = None) -> None:
        """Run a conversation with it."""

        async def run() -> None:
            server = await asyncio.start_server(self.serve, HOST, 0, ssl=tls)
            port = server.sockets[0].getsockname()[1]
            channel = Channel(caller(f"http://{HOST}:{port}/?ns=test", timeout))
            if tls:
                channel = Channel(under_tls(port, timeout))
            async with server:
                await talk(channel)

        asyncio.run(run())


def caller(url: str, timeout: float = 8) -> Caller:
    """The way firebase-admin knows to a database."""
    settings = DatabaseSettings.read({"FIREBASE_DATABASE_URL": url})
    return Caller(connect(settings, timeout=timeout)[0])


def under_tls(port: int, timeout: float) -> Caller:
    """A local database under TLS, which the settings do not know."""
    made = caller(f"http://{HOST}:{port}/?ns=test", timeout)
    made.base = f"https://{HOST}:{port}"
    return made


def test_updates_share_one_connection_and_carry_what_the_database_asks_for() -> None:
    async def talk(channel: Channel) -> None:
        assert await channel.patch(b'{"a":1}') == 0
        assert await channel.patch(b'{"b":2}') == 0

    server = Server(DONE, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull")
    server.talk(talk)
    assert server.connections == 1
    first, second = server.requests
    assert first.startswith(b"PATCH /.json?print=silent&ns=test HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nContent-Type: application/json\r\n" in first
    assert b"\r\nauthorization: Bearer owner\r\n" in first.replace(
        b"Authorization", b"authorization"
    )
    assert first.endswith(b"\r\nContent-Length: 7\r\n\r\n" + b'{"a":1}')
    assert second.endswith(b'{"b":2}')


def test_updates_at_once_each_have_a_connection() -> None:
    async def talk(channel: Channel) -> None:
        assert await asyncio.gather(*(channel.patch(b"{}") for _ in range(3))) == [0, 0, 0]
        assert await channel.patch(b"{}") == 0

    server = Server(DONE, DONE, DONE, DONE)
    server.talk(talk)
    assert server.connections == 3


def test_an_answer_may_come_in_pieces_and_end_the_connection() -> None:
    async def talk(channel: Channel) -> None:
        assert await channel.patch(b"{}") == 0
        assert await channel.patch(b"{}") == 0

    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    server = Server(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", chunked)
    server.talk(talk)
    assert server.connections == 2


def test_an_answer_to_come_is_none() -> None:
    async def talk(channel: Channel) -> None:
        with pytest.raises(DatabaseRefused, match=r"refused: 413$"):
            await channel.patch(b"{}")

    to_come = b"HTTP/1.1 100 Continue\r\n\r\n"
    Server(to_come + b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n").talk(talk)


def test_a_lost_connection_is_made_good_once() -> None:
    async def talk(channel: Channel) -> None:
        assert await channel.patch(b'{"a":1}') == 1

    server = Server(HANG_UP, DONE)
    server.talk(talk)
    assert [request[-7:] for request in server.requests] == [b'{"a":1}', b'{"a":1}']


@pytest.mark.parametrize(
    "answer",
    [
        HANG_UP,
        b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\nConnection: close\r\n\r\nnull",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    ],
)
def test_a_server_that_never_answers_is_unavailable(answer: bytes) -> None:
    async def talk(channel: Channel) -> None:
        with pytest.raises(
            DatabaseUnavailable, match=r"127\.0\.0\.1:\d+ (did not|does not) answer"
        ):
            await channel.patch(b"{}")

    # What breaks off in the middle of its answer is only waited for so long.
    Server(answer, answer).talk(talk, timeout=0.5)


def test_nobody_listens() -> None:
    async def talk() -> None:
        with pytest.raises(DatabaseUnavailable, match="does not answer"):
            await Channel(caller(f"http://{HOST}:1/?ns=test")).patch(b"{}")

    asyncio.run(talk())


def test_an_answer_that_is_late_is_nobodys() -> None:
    async def talk(channel: Channel) -> None:
        with pytest.raises(DatabaseUnavailable, match="did not answer in time"):
            await channel.patch(b'{"a":1}')
        assert await channel.patch(b'{"b":2}') == 0

    server = Server(SILENCE, SILENCE, DONE)
    server.talk(talk, timeout=0.5)
    assert server.connections == 3


def test_busy_is_asked_again() -> None:
    async def talk(channel: Channel) -> None:
        assert await channel.patch(b"{}") == 2

    server = Server(BUSY, BUSY, DONE)
    server.talk(talk)
    assert server.connections == 1


def test_a_refusal_says_why() -> None:
    async def talk(channel: Channel) -> None:
        with pytest.raises(DatabaseRefused, match=r'refused: 400 \{"error": "Invalid data"\}$'):
            await channel.patch(b"{}")
        with pytest.raises(DatabaseUnavailable, match=r"refused: 401 x{200}$"):
            await channel.patch(b"{}")

    said = b'{"error": "Invalid data"}'
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said)
    long = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000
    Server(refusal, long).talk(talk)


@pytest.fixture
def certified(tmp_path: Path) -> Path:
    """A key, and the certificate that it gave itself, for this host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path / "server.pem"
    file.write_bytes(key.private_bytes(pem, *private) + certificate.public_bytes(pem))
    return file


def test_a_server_without_a_trusted_certificate_is_told_nothing(certified: Path) -> None:
    async def talk(channel: Channel) -> None:
        with pytest.raises(DatabaseUnavailable, match="does not answer"):
            await channel.patch(b"{}")

    server = Server(DONE)
    server.talk(talk, tls=presenting(certified))
    assert server.requests == []


def test_certificates_are_trusted_that_the_environment_names(
    certified: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(channel: Channel) -> None:
        assert await channel.patch(b"{}") == 0

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certified))
    Server(DONE).talk(talk, tls=presenting(certified))


def presenting(file: Path) -> ssl.SSLContext:
    """TLS of a server with that key and certificate."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(file)
    return tls


def test_who_has_an_answer_leaves_the_connection_to_the_next() -> None:
    async def talk(channel: Channel) -> None:
        following: list[asyncio.Task[int]] = []

        class Idle(list[Any]):
            """Taken from at once by another update, before the one that was answered knows."""

            def append(self, connection: object) -> None:
                super().append(connection)
                if not following:
                    following.append(asyncio.ensure_future(channel.patch(b'{"b":2}')))

        channel._idle = Idle()
        assert await channel.patch(b'{"a":1}') == 0
        assert await following[0] == 0

    server = Server(DONE, DONE)
    server.talk(talk)
    assert server.connections == 1


def test_a_database_that_is_always_busy_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(channel: Channel) -> None:
        with pytest.raises(DatabaseUnavailable, match="did not answer in time"):
            await channel.patch(b"{}")

    monkeypatch.setattr(channel_module, "PATIENCE", 0.5)
    Server(BUSY, BUSY, BUSY).talk(talk)


def test_a_token_is_waited_for_no_longer_than_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's own library would wait for two minutes."""
    with socket.create_server((HOST, 0)) as silent:
        port = silent.getsockname()[1]
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        account = {
            "type": "service_account",
            "private_key": key.decode(),
            "client_email": "function@test.invalid",
            "token_uri": f"http://{HOST}:{port}/token",
        }
        file = tmp_path / "key.json"
        file.write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

        async def talk() -> None:
            channel = Channel(caller("https://database.firebaseio.com", timeout=0.5))
            async with asyncio.timeout(60):
                with pytest.raises(DatabaseUnavailable, match="can't be asked"):
                    await channel.patch(b"{}")

        asyncio.run(talk())


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_is_used_where_the_environment_names_one(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(channel: Channel) -> None:
        monkeypatch.setenv("http_proxy", scheme + channel._caller.base.removeprefix("http://"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        beyond = Channel(caller("http://database.invalid:9000/?ns=test"))
        assert await beyond.patch(b"{}") == 0

    server = Server(DONE)
    server.talk(talk)
    (request,) = server.requests
    assert request.startswith(b"PATCH http://database.invalid:9000/.json?print=silent&ns=test ")
