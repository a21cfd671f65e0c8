"""Endpoints that are broken in every way there is: the tool notices none, and reports are kept."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wald.backoff import Backoff
from wald.handoff import SENDER_LOCK
from wald.sender import LIFETIME
from wald.spool import Lock

from .home import Home
from .server import Server

ONE = "with monitor.operation('x'): pass\nprint('done')"
Behaviour = Callable[[socket.socket], None]


@contextmanager
def endpoint(behave: Behaviour) -> Iterator[str]:
    """Serve connections by *behave* while the block runs, one at a time; yields the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # the listener was shut down
                with connection:
                    try:
                        behave(connection)
                    except OSError:
                        continue  # the client is gone

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def until_gone(connection: socket.socket) -> None:
    """Take what comes until the client closes."""
    while connection.recv(65536):
        pass


def closing(connection: socket.socket) -> None:
    """Break off before the request is there."""


def babbling(connection: socket.socket) -> None:
    """Speak another protocol."""
    connection.sendall(b"220 mail.invalid ESMTP\r\n")
    until_gone(connection)


def endless_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: and more\r\n" * 1000)


def endless_line(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-More: ")
    while True:
        connection.sendall(b"and more " * 1000)


def endless_answer(connection: socket.socket) -> None:
    connection.sendall(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"accepted": 1, "'
    )
    while True:
        connection.sendall(b"and more " * 1000)


def short_answer(connection: socket.socket) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"accepted": 1')


def assert_kept(home: Home) -> None:
    """Run a tool whose server is known to be in trouble: it works, and its report waits."""
    home.remember_failures()
    done = home.run(home.write(ONE))
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert "Traceback" not in done.stderr
    home.settle()
    assert len(home.spooled()) == 1
    assert Backoff(str(home.state)).failures() == 7  # it was asked, once


@pytest.mark.parametrize(
    "behave",
    [closing, babbling, endless_headers, endless_line, endless_answer, short_answer],
)
def test_what_is_no_receipt_keeps_reports(tmp_path: Path, behave: Behaviour) -> None:
    with endpoint(behave) as url:
        assert_kept(Home(tmp_path / "home", url))


def test_refused(tmp_path: Path) -> None:
    with endpoint(closing) as url:
        pass
    assert_kept(Home(tmp_path / "home", url))


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://telemetry.invalid"])
def test_no_address(tmp_path: Path, url: str) -> None:
    assert_kept(Home(tmp_path / "home", url))


def test_no_tls_where_it_should_be(home: Home, server: Server) -> None:
    home.variables["ENDPOINT"] = server.url.replace("http", "https")
    assert_kept(home)
    assert server.requests == []


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path / "certificate.pem"))
    told = []

    def behave(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as private:
            told.append(private.recv(65536))

    with endpoint(behave) as url:
        assert_kept(Home(tmp_path / "home", url.replace("http", "https")))
    assert b"".join(told) == b""


def test_silence_holds_the_sender_for_seconds_and_the_tool_not_at_all(tmp_path: Path) -> None:
    asked = threading.Event()

    def behave(connection: socket.socket) -> None:
        connection.recv(1)
        asked.set()
        until_gone(connection)

    with endpoint(behave) as url:
        home = Home(tmp_path / "home", url)
        home.remember_failures()
        assert home.run(home.write(ONE)).stdout == "done\n"
        # The tool is through, and its sender still waits for the server.
        assert asked.wait(LIFETIME)
        assert not Lock(str(home.state), SENDER_LOCK, patience=0).take()
        # Other runs leave it alone, and leave at once.
        assert home.run(home.write(ONE)).stdout == "done\n"
        assert not Lock(str(home.state), SENDER_LOCK, patience=0).take()
        home.settle()
    assert len(home.spooled()) == 2
    assert Backoff(str(home.state)).failures() == 7


def test_a_server_that_drips_cannot_hold_a_sender(tmp_path: Path) -> None:
    """Nor can a tool that blocks every signal, for it is an alarm that ends the sender."""
    gone = threading.Event()

    def behave(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        started = time.monotonic()
        try:
            while time.monotonic() < started + 4 * LIFETIME:
                connection.sendall(b" ")  # often enough for no timeout to end it
                time.sleep(0.3)
        except OSError:
            gone.set()

    with endpoint(behave) as url:
        home = Home(tmp_path / "home", url)
        block = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
        home.run(home.write(block + ONE))
        assert gone.wait(5 * LIFETIME)
    assert Lock(str(home.state), SENDER_LOCK, patience=1).take()
    assert len(home.spooled()) == 1
    assert Backoff(str(home.state)).failures() == 1


def test_proxies_of_the_environment_are_honoured(home: Home, server: Server) -> None:
    home.variables["ENDPOINT"] = "http://telemetry.invalid"
    home.run(home.write(ONE), env={"http_proxy": server.url})
    home.settle()
    assert [request.path for request in server.requests] == ["http://telemetry.invalid/v1/reports"]
    assert home.spooled() == []


def _self_signed(path: Path) -> Path:
    """Write a certificate for 127.0.0.1 that it signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path
