"""The dashboard's settings, read in one place and handed down."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from dashboard.sentry import SentryLinks
from ingest.store import SettingError

SECRETS = Path(".streamlit/secrets.toml")
DEFAULT_WAREHOUSE = Path(".wald/warehouse.duckdb")
DEFAULT_REFRESH = "60"
LONGEST_REFRESH = 86_400


@dataclass(frozen=True)
class Settings:
    """Where the reports come from, where they are kept for analysis, and where Sentry is."""

    database: Mapping[str, str]
    """What `ingest.store.Store.connect` reads."""
    warehouse: Path
    refresh: timedelta
    """How old the data may be before an open page brings it up to date by itself."""
    sentry: SentryLinks | None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; see "Settings" in the README.

        Raises:
            SettingError: one of them can't be used; the message says which and what is allowed.
        """
        return cls(
            database=environ,
            warehouse=Path(environ.get("WALD_WAREHOUSE") or DEFAULT_WAREHOUSE),
            refresh=_refresh(environ.get("WALD_REFRESH") or DEFAULT_REFRESH),
            sentry=SentryLinks.read(environ),
        )


def _refresh(given: str) -> timedelta:
    try:
        seconds = int(given)
    except ValueError:
        seconds = 0
    if not 1 <= seconds <= LONGEST_REFRESH:
        raise SettingError(f"WALD_REFRESH is {given!r}; give seconds, from 1 to {LONGEST_REFRESH}")
    return timedelta(seconds=seconds)


def environment(secrets: Path = SECRETS) -> dict[str, str]:
    """Merge the process's environment over the settings in Streamlit's secrets file.

    A list of texts is written with commas between. The tables are Streamlit's own: their keys
    come as ``table.key``.

    Raises:
        SettingError: the file is there and is not TOML.
    """
    try:
        given = tomllib.loads(secrets.read_text(encoding="utf-8"))
    except FileNotFoundError:
        given = {}
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{secrets} can't be read as TOML: {error}") from error
    return {**_flat(given), **os.environ}


def _flat(table: Mapping[str, object]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= {f"{key}.{inner}": text for inner, text in _flat(value).items()}
        elif isinstance(value, list):
            found[key] = ",".join(map(str, value))
        elif isinstance(value, str | int):
            found[key] = str(value)
    return found
