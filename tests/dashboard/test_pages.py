"""Pages and command line explain themselves: a sentence for what is wrong, and no traceback."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.views.freshness import FRESH
from tests.loop import parts
from tests.loop.parts import ROOT, environment, free_port, python
from tests.rtdb.server import running


@dataclass(frozen=True)
class Surroundings:
    """A folder of its own to work in, without anybody's settings or credentials."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def warehouse(self) -> Path:
        """Where it is, where nothing else is set."""
        return self.folder / "warehouse.duckdb"

    def settings(self, **settings: str) -> dict[str, str]:
        """The environment with these settings."""
        alone = {"HOME": str(self.folder), "CLOUDSDK_CONFIG": str(self.folder)}
        # Asking whether this is one of Google's machines would go over the network.
        alone |= {"NO_GCE_CHECK": "true", "WALD_WAREHOUSE": str(self.warehouse)}
        return environment(**{**alone, **settings})

    def page(self, **settings: str) -> AppTest:
        """Open the dashboard's first page, in this process."""
        for name in [name for name in os.environ if name.startswith(parts.OURS)]:
            self.monkeypatch.delenv(name)
        for name, value in self.settings(**settings).items():
            self.monkeypatch.setenv(name, value)
        page = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120).run()
        assert [failure.value for failure in page.exception] == []
        return page

    def command(self, *arguments: str, **settings: str) -> tuple[int, str, str]:
        """Run `python -m dashboard`: its status and what it said and complained of."""
        env = self.settings(**settings)
        done = python("-m", "dashboard", *arguments, env=env, cwd=self.folder)
        return done.returncode, done.stdout, done.stderr

    def store(self, database: str, reports: list[dict[str, Any]]) -> None:
        """Import reports as history."""
        lines = "\n".join(map(json.dumps, reports)).encode()
        env = self.settings(FIREBASE_DATABASE_EMULATOR_HOST=database)
        done = python("-m", "ingest", "import", "-", env=env, stdin=lines)
        assert (done.stdout, done.stderr) == (f"stored {len(reports)}, refused 0\n", "")


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    monkeypatch.chdir(tmp_path)
    return Surroundings(tmp_path, monkeypatch)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    with running(tmp_path / "rtdb") as server:
        yield f"{server.host}:{server.port}"


def read(markdown: str) -> str:
    """Markdown as it is read: no sign of it means anything."""
    return re.sub(r"\\(.)", r"\1", markdown)


def visit(number: int, days_ago: float = 0.1, **fields: Any) -> dict[str, Any]:
    """A report of an install."""
    return {
        "id": f"{number:04x}{int(days_ago * 1000):028x}",
        "app": "tool",
        "install": f"{number:032x}",
        "time": int((time.time() - days_ago * 86_400) * 1000),
        "kind": "run",
        "metrics": {"os": "Linux", "package_version": "1.0"},
        "ci": False,
        "dropped": 0,
        **fields,
    }


WRONG = [
    ({"FIREBASE_DATABASE_EMULATOR_HOST": "{closed}"}, "The database at http://{closed} does not"),
    ({"FIREBASE_DATABASE_URL": "http://{closed}/?ns=x"}, "The database at http://{closed} does"),
    ({"FIREBASE_DATABASE_EMULATOR_HOST": "here"}, "FIREBASE_DATABASE_EMULATOR_HOST is 'here'; "),
    ({"FIREBASE_DATABASE_URL": "wald"}, "FIREBASE_DATABASE_URL is 'wald'; give the address of"),
    (
        {"FIREBASE_DATABASE_URL": "https://wald.firebaseio.com"},
        "FIREBASE_DATABASE_URL names the hosted database https://wald.firebaseio.com, but there "
        "is no usable Google credential: set GOOGLE_APPLICATION_CREDENTIALS",
    ),
    (
        {
            "FIREBASE_DATABASE_URL": "https://wald.firebaseio.com",
            "GOOGLE_APPLICATION_CREDENTIALS": "no/such/key.json",
        },
        "FIREBASE_DATABASE_URL names the hosted database https://wald.firebaseio.com, but there "
        "is no usable Google credential: set GOOGLE_APPLICATION_CREDENTIALS",
    ),
    ({"SENTRY_ORG": "us"}, "SENTRY_PROJECT is not set; links to sentry need"),
    ({"SENTRY_PROJECT": "tool"}, "SENTRY_ORG is not set; links to sentry need"),
    (
        {"SENTRY_URL": "sentry.example", "SENTRY_ORG": "us", "SENTRY_PROJECT": "tool"},
        "SENTRY_URL is 'sentry.example'; give an address",
    ),
    ({"WALD_WAREHOUSE": "{file}/w.duckdb"}, "The warehouse {file}/w.duckdb can't be written: "),
    ({"WALD_WAREHOUSE": "{folder}"}, "The warehouse {folder} can't be written: "),
]


@pytest.mark.parametrize(("settings", "said"), WRONG)
def test_a_wrong_setting_is_one_sentence(
    alone: Surroundings, settings: dict[str, str], said: str
) -> None:
    file = alone.folder / "file"
    file.touch()
    told = {"closed": f"127.0.0.1:{free_port()}", "file": file, "folder": alone.folder}
    settings = {name: value.format_map(told) for name, value in settings.items()}

    page = alone.page(**settings)
    (error,) = page.error
    assert read(error.value).startswith(said.format_map(told))
    assert not page.metric

    status, out, sentence = alone.command("sync", **settings)
    assert (status, out) == (1, "")
    assert sentence.startswith(said.format_map(told))
    assert sentence.count("\n") == 1


def test_settings_that_are_no_toml_are_one_sentence(alone: Surroundings) -> None:
    (alone.folder / ".streamlit").mkdir()
    (alone.folder / ".streamlit" / "secrets.toml").write_text("SENTRY_ORG = us")
    status, _, sentence = alone.command("sync")
    assert status == 1
    assert sentence.startswith(".streamlit/secrets.toml can't be read as TOML: ")
    assert sentence.count("\n") == 1
    assert [read(error.value) for error in alone.page().error] == [sentence.strip()]


def test_a_wrong_setting_in_the_secrets_is_one_sentence(alone: Surroundings) -> None:
    (alone.folder / ".streamlit").mkdir()
    (alone.folder / ".streamlit" / "secrets.toml").write_text('SENTRY_ORG = "us"')
    (error,) = alone.page().error
    assert read(error.value).startswith("SENTRY_PROJECT is not set; ")


def test_nothing_was_synced_yet(alone: Surroundings) -> None:
    status, out, sentence = alone.command("export", "--out", "csv")
    assert (status, out) == (1, "")
    assert sentence == (
        f"There is no warehouse at {alone.warehouse} yet: run `python -m dashboard sync`\n"
    )
    assert not (alone.folder / "csv").exists()


def test_an_empty_database_shows_the_first_steps(alone: Surroundings, database: str) -> None:
    page = alone.page(FIREBASE_DATABASE_EMULATOR_HOST=database)
    assert [heading.value for heading in page.subheader] == ["No report has come yet"]
    assert "Three steps to the first one" in page.markdown[-1].value
    assert not page.error
    assert not page.warning

    assert alone.command("sync", FIREBASE_DATABASE_EMULATOR_HOST=database)[:2] == (
        0,
        f"synced 0 new reports into {alone.warehouse}\n",
    )
    nothing = "There are no reports yet, so there is nothing to export\n"
    assert alone.command("export", "--out", "csv") == (1, "", nothing)

    alone.store(database, [visit(1)])
    page.button[0].click().run()
    assert page.metric[0].value == "1"


def test_a_damaged_warehouse_is_said_and_built_anew(alone: Surroundings, database: str) -> None:
    alone.store(database, [visit(number) for number in range(3)])
    settings = {"FIREBASE_DATABASE_EMULATOR_HOST": database}

    alone.warehouse.write_bytes(b"no database at all" * 1000)
    status, _, sentence = alone.command("export", "--out", "csv")
    assert status == 1
    assert sentence.startswith(f"{alone.warehouse} can't be read as a warehouse: run `python -m")
    assert sentence.count("\n") == 1

    page = alone.page(**settings)
    assert [read(info.value).partition(" (")[0] for info in page.info[:1]] == [
        "The copy of the data was replaced: it was damaged"
    ]
    assert page.metric[0].value == "3"

    alone.warehouse.write_bytes(b"")
    status, out, _ = alone.command("sync", **settings)
    assert status == 0
    assert out.startswith("the warehouse was built anew: it was damaged (")
    assert out.endswith(f"synced 3 new reports into {alone.warehouse}\n")


def test_a_warehouse_cut_off_in_the_middle_is_built_anew(
    alone: Surroundings, database: str
) -> None:
    alone.store(database, [visit(number) for number in range(3)])
    settings = {"FIREBASE_DATABASE_EMULATOR_HOST": database}
    assert alone.command("sync", **settings)[0] == 0
    whole = alone.warehouse.read_bytes()
    alone.warehouse.write_bytes(whole[: len(whole) // 2])
    status, _, sentence = alone.command("export", "--out", "csv")
    assert (status, sentence.count("\n")) == (1, 1)
    status, out, _ = alone.command("sync", **settings)
    assert status == 0
    assert out.endswith(f"synced 3 new reports into {alone.warehouse}\n")


def test_numbers_stay_when_the_database_goes(alone: Surroundings) -> None:
    settings = {"FIREBASE_DATABASE_EMULATOR_HOST": f"127.0.0.1:{free_port()}"}
    host, _, port = settings["FIREBASE_DATABASE_EMULATOR_HOST"].partition(":")
    with running(alone.folder / "rtdb", port=int(port)):
        alone.store(f"{host}:{port}", [visit(number) for number in range(3)])
        page = alone.page(**settings)
        assert page.metric[0].value == "3"
        assert not page.warning
    time.sleep(FRESH.total_seconds() + 0.5)
    page = alone.page(**settings)
    (warning,) = page.warning
    said = read(warning.value)
    assert said.startswith(f"The database at http://{host}:{port} does not answer. These are the ")
    assert not page.error
    assert page.metric[0].value == "3"
    assert alone.command("export", "--out", "csv", **settings)[0] == 0
    assert "3\n" in (alone.folder / "csv" / "new_installs.csv").read_text()
