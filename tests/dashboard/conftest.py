"""Pages that run in the tests' own process know the settings of `.streamlit/config.toml`."""

from __future__ import annotations

import pytest
from streamlit import config

from tests.loop.parts import ROOT


@pytest.fixture(scope="session", autouse=True)
def _settings_of_streamlit() -> None:
    """Read them before a test leaves the repository's folder; Streamlit reads them once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        assert config.get_option("server.address") == "127.0.0.1"
