"""What make run does besides supervising: filling an empty database, whole and once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from demo.parts import PartFailed, Parts
from demo.run import environment, fill, yesterday

FILLS = "import sys; open('filled', 'a').write(sys.argv[-1] + '\\n')"


@contextmanager
def database(directory: Path, reports: str) -> Iterator[str]:
    """Serves reports.json, as the database does when it is asked for what it holds."""
    (directory / "reports.json").write_text(reports)
    handler = partial(SimpleHTTPRequestHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def filled(directory: Path, reports: str, program: str = FILLS) -> list[str]:
    demo = (sys.executable, "-c", program)
    with (
        database(directory, reports) as address,
        Parts(directory / "logs", os.environ, directory) as parts,
    ):
        fill(parts, directory / "unfinished", address, demo)
    found = directory / "filled"
    return found.read_text().split() if found.exists() else []


def test_an_empty_database_is_filled_up_to_yesterday(tmp_path: Path) -> None:
    assert filled(tmp_path, "null") == [yesterday().isoformat()]
    assert not (tmp_path / "unfinished").exists()


def test_a_filled_database_is_left_alone(tmp_path: Path) -> None:
    assert filled(tmp_path, '{"2024-06-30": true}') == []


def test_a_filling_cut_off_is_done_again_for_the_same_day(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match="demo failed"):
        filled(tmp_path, "null", "raise SystemExit(1)")
    assert (tmp_path / "unfinished").read_text() == yesterday().isoformat()
    (tmp_path / "unfinished").write_text("2024-06-30")
    assert filled(tmp_path, '{"2024-06-30": true}') == ["2024-06-30"]
    assert not (tmp_path / "unfinished").exists()


def test_settings_of_a_hosted_database_are_set_aside(capsys: pytest.CaptureFixture[str]) -> None:
    given = {"FIREBASE_DATABASE_URL": "https://x.firebaseio.com", "HOME": "/h", "NO_PROXY": "a"}
    assert environment(given) == {
        "FIREBASE_DATABASE_URL": "https://wald.firebaseio.com",
        "FIREBASE_DATABASE_EMULATOR_HOST": "127.0.0.1:9000",
        "HOME": "/h",
        "NO_PROXY": "a,127.0.0.1",
        "no_proxy": "a,127.0.0.1",
    }
    assert capsys.readouterr().out.startswith("FIREBASE_DATABASE_URL set aside")
