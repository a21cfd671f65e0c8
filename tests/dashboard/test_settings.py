"""The example of the secrets names every setting that the dashboard reads, and each is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dashboard.access import Access
from dashboard.settings import Settings, environment
from ingest.connection import DatabaseSettings, SettingError
from tests.loop.parts import ROOT

EXAMPLE = ROOT / ".streamlit" / "secrets.example.toml"


class Asked(Mapping[str, str]):
    """Settings that remember which of them were asked for."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self.given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)


def example() -> dict[str, str]:
    here = environment(Path("/no/such/file"))
    return {name: value for name, value in environment(EXAMPLE).items() if name not in here}


def test_the_example_names_every_setting_and_can_be_used() -> None:
    given = example()
    asked = Asked(given)
    settings = Settings.read(asked)
    DatabaseSettings.read(settings.database)
    access = Access.read(asked)
    assert access.providers == ("default",)
    assert settings.sentry is not None
    # Every key of the table is Streamlit's, and needed.
    of_sign_in = {name for name in given if name.startswith("auth.")}
    assert {name for name in asked.names if not name.startswith("auth.")} == (
        set(given) - of_sign_in
    )
    for name in of_sign_in:
        without = {key: value for key, value in given.items() if key != name}
        with pytest.raises(SettingError, match=name.removeprefix("auth.")):
            Access.read(without)


def test_each_setting_of_the_example_is_explained() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if " = " in line and not line.startswith("#"):
            assert lines[number - 1].startswith("# "), line
