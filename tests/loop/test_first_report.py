"""A new project: the page explains the first steps, and fills when the first report comes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests import browser
from tests.loop.homes import EXAMPLE
from tests.loop.page import opened
from tests.loop.parts import ROOT, dashboard, environment, ingest, keys
from tests.patience import until
from tests.rtdb.server import running


def test_a_page_fills_when_the_first_report_comes(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    log = EXAMPLE.with_name("fail2ban.log")
    with (
        running(tmp_path / "rtdb") as server,
        ingest(f"{server.host}:{server.port}", tmp_path / "ingest.log") as endpoint,
        dashboard(
            tmp_path / "dashboard.log",
            environment(
                FIREBASE_DATABASE_EMULATOR_HOST=f"{server.host}:{server.port}",
                WALD_WAREHOUSE=str(tmp_path / "warehouse.duckdb"),
            ),
        ) as address,
        browser.launched() as chromium,
        opened(chromium) as page,
    ):
        page.open(address)
        assert "No report has come yet" in page.text()
        assert page.wrong() == []

        # The command that the page names, as it stands there.
        told = page.tab.locator("code", has_text="logtally.py").inner_text()
        python, *arguments = told.split()
        assert (python, arguments[-1]) == (".venv/bin/python", str(log.relative_to(ROOT)))
        subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={
                **{"PATH": "/usr/bin:/bin", "HOME": str(home), "WALD_ENDPOINT": endpoint},
                "PYTHONPATH": str(ROOT / "collector"),
            },
            check=True,
            capture_output=True,
        )
        assert until(lambda: bool(keys(server.url, "reports")))
        page.tab.get_by_role("button", name="Look again").click()
        page.tab.get_by_test_id("stMetric").first.wait_for()
        page.settled()
        assert page.tiles()["New installs"] == "1"
        assert page.wrong() == []
