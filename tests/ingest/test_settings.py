"""A wrong or half-made setting is one sentence, said at the start, by each program that reads it.

Addresses without a database are ports of loopback that nothing listens on.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ingest.connection import (
    DatabaseSettings,
    DatabaseUnavailable,
    SettingError,
    check_credential,
    connect,
)
from ingest.store import Store
from tests.ingest.function import command, free_port, settings

URL = "FIREBASE_DATABASE_URL"
HOST = "FIREBASE_DATABASE_EMULATOR_HOST"
CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
HOSTED = "https://my-project-default-rtdb.firebaseio.com"

URL_RULE = (
    "; give the address of a Realtime Database, such as "
    "https://my-project-default-rtdb.firebaseio.com (several with commas between), or of a local "
    "one, such as http://127.0.0.1:9000/?ns=my-project"
)
CREDENTIAL_RULE = (
    f"{URL} names the hosted database {HOSTED}, but there is no usable Google credential: set "
    f"{CREDENTIALS} to the file of a service account's key, or {HOST} to a local database ("
)

MALFORMED_URLS = [
    "nonsense",
    "127.0.0.1:9000",
    "ftp://a.firebaseio.com",
    "https://",
    "https://localhost",
    "https://a.firebaseio.com/reports",
    "https://a.firebaseio.com:99999",
    "https://a b.firebaseio.com",
    "https://user:secret@a.firebaseio.com",
    "http://a.firebaseio.com",
    "http://[",
    "http://127.0.0.1:9000/",
    "http://127.0.0.1:9000/?ns=",
    "http://127.0.0.1:port/?ns=a",
    "http://127.0.0.1:0/?ns=a",
    "http://:9000/?ns=a",
    f"{HOSTED},",
    f"{HOSTED},nonsense",
    f",{HOSTED}",
]

MALFORMED_HOSTS = [
    "localhost",
    ":9000",
    "127.0.0.1:",
    "127.0.0.1:port",
    "127.0.0.1:99999",
    "127.0.0.1:0",
    "http://127.0.0.1:9000",
    "127.0.0.1:9000/",
    "local host:9000",
    "::1:9000",
]

IMPORT = [sys.executable, "-m", "ingest", "import", "-"]
SYNC = [sys.executable, "-m", "dashboard", "sync"]
FUNCTION = command(free_port())


def sentence(program: list[str], folder: Path, **variables: str) -> str:
    """Run a program that must fail; the one line it leaves on standard error."""
    found = settings(
        HOME=str(folder),
        CLOUDSDK_CONFIG=str(folder / "gcloud"),
        NO_GCE_CHECK="true",
        WALD_WAREHOUSE=str(folder / "warehouse.duckdb"),
        **variables,
    )
    # A function that starts in spite of its setting would serve for ever.
    done = subprocess.run(
        program, env=found, input="", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("program", [IMPORT, SYNC, FUNCTION], ids=["import", "sync", "function"])
class TestEachProgram:
    """The same sentence, whoever reads the setting."""

    def test_url(self, program: list[str], tmp_path: Path) -> None:
        said = sentence(program, tmp_path, **{URL: "http://["})
        assert said == f"{URL} is 'http://['{URL_RULE}"

    def test_no_credential(self, program: list[str], tmp_path: Path) -> None:
        said = sentence(program, tmp_path, **{URL: HOSTED})
        assert said.startswith(f"{CREDENTIAL_RULE}Your default credentials were not found")


@pytest.fixture
def web_page() -> Iterator[HTTPServer]:
    """A server that answers every request with a page, as a router or an application would."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("program", [IMPORT, SYNC], ids=["import", "sync"])
def test_nothing_listens(program: list[str], tmp_path: Path) -> None:
    """The function starts without a database, see `test_outage`."""
    host = f"127.0.0.1:{free_port()}"
    said = sentence(program, tmp_path, **{HOST: host})
    assert said == f"The database at http://{host} does not answer"


def test_what_listens_is_no_database(tmp_path: Path, web_page: HTTPServer) -> None:
    host = f"127.0.0.1:{web_page.server_port}"
    said = sentence(IMPORT, tmp_path, **{HOST: host})
    assert said == f"What answers at http://{host} is no Realtime Database"


@pytest.mark.parametrize("url", MALFORMED_URLS)
def test_malformed_url(url: str) -> None:
    with pytest.raises(SettingError) as raised:
        DatabaseSettings.read({URL: url})
    assert str(raised.value) == f"{URL} is {url!r}{URL_RULE}"


@pytest.mark.parametrize("host", MALFORMED_HOSTS)
def test_malformed_host(host: str) -> None:
    with pytest.raises(SettingError) as raised:
        DatabaseSettings.read({HOST: host})
    assert str(raised.value) == f"{HOST} is {host!r}; give host:port, such as 127.0.0.1:9000"


def test_a_database_named_twice() -> None:
    with pytest.raises(SettingError) as raised:
        DatabaseSettings.read({URL: f"{HOSTED}, {HOSTED}"})
    assert str(raised.value) == f"{URL} names a database twice: {HOSTED}, {HOSTED}"


@pytest.mark.parametrize(
    ("environment", "urls", "embedded"),
    [
        ({}, ("http://127.0.0.1:9000/?ns=wald",), True),
        ({URL: "", HOST: " "}, ("http://127.0.0.1:9000/?ns=wald",), True),
        ({HOST: "localhost:4000"}, ("http://localhost:4000/?ns=wald",), False),
        ({HOST: "[::1]:4000"}, ("http://[::1]:4000/?ns=wald",), False),
        ({URL: HOSTED}, (HOSTED,), False),
        ({URL: f"{HOSTED}/"}, (f"{HOSTED}/",), False),
        (
            {URL: "https://a.europe-west1.firebasedatabase.app, https://b.firebaseio.com"},
            ("https://a.europe-west1.firebasedatabase.app", "https://b.firebaseio.com"),
            False,
        ),
        (
            {URL: "https://a.firebaseio.com,https://b.firebaseio.com", HOST: "rtdb:80"},
            ("http://rtdb:80/?ns=a", "http://rtdb:80/?ns=b"),
            False,
        ),
        ({URL: "http://10.0.0.1:1/?ns=a"}, ("http://10.0.0.1:1/?ns=a",), False),
    ],
)
def test_what_is_allowed(environment: dict[str, str], urls: tuple[str], embedded: bool) -> None:
    assert DatabaseSettings.read(environment) == DatabaseSettings(urls, embedded)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "File {} was not found."),
        (b"garbage", "File {} is not a valid json file."),
        (b"", "File {} is not a valid json file."),
        (b"\xff\xfe", "File {} is not a valid json file."),
        (b"[]", "'list' object has no attribute 'get'"),
        (b"{}", "The file {} does not have a valid type."),
        (b'{"type": "service_account"}', "Failed to load service account credentials from {}"),
    ],
)
def test_a_credential_that_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "key.json"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv(CREDENTIALS, str(file))
    with pytest.raises(SettingError) as raised:
        check_credential(DatabaseSettings.read({URL: f"http://127.0.0.1:1/?ns=a,{HOSTED}"}))
    said = str(raised.value)
    assert said.startswith(CREDENTIAL_RULE + why.format(file))
    assert said.endswith(")")
    assert "\n" not in said


def test_a_local_database_needs_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CREDENTIALS, "/nowhere")
    check_credential(DatabaseSettings.read({URL: HOSTED, HOST: "127.0.0.1:1"}))


def test_nothing_set_and_nothing_started() -> None:
    address = f"http://127.0.0.1:{free_port()}"  # in the place of the default, which may be taken
    nothing_set = DatabaseSettings((f"{address}/?ns=wald",), embedded=True)
    with pytest.raises(DatabaseUnavailable) as raised:
        Store(connect(nothing_set), nothing_set.embedded).ping()
    assert str(raised.value) == (
        f"No database answers at {address}, the embedded default: start it with `make run` or "
        "`python -m rtdb`, or set FIREBASE_DATABASE_URL to another"
    )
