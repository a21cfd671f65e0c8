"""What is deployed works by itself: the function from its own folder, without this source tree."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.ingest.function import ROOT, settings

ALONE = """
import os, sys
sys.path = [
    path for path in sys.path
    if not any(os.path.isdir(os.path.join(path or ".", name)) for name in ("ingest", "wald"))
]
from functions_framework.aio import create_asgi_app
from starlette.testclient import TestClient
app = create_asgi_app("ingest", "main.py")
import ingest, wald
for package in (ingest, wald):
    assert os.path.realpath(package.__file__).startswith(os.getcwd() + os.sep), package.__file__
print(TestClient(app).post("/v1/reports", json={"schema": 1, "reports": [{}]}).text)
"""


def run(folder: Path, *arguments: str, **variables: str) -> str:
    """Run Python in a folder; returns what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=settings(**variables),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0
    return done.stdout


def test_the_bundle_imports_nothing_from_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path.resolve() / "function"
    for _ in range(2):  # made, then renewed
        run(ROOT, "-m", "ingest", "bundle", str(folder))
    names = {path.name for path in folder.iterdir()}
    assert names == {"main.py", "requirements.txt", "Procfile", "ingest", "wald"}
    answer = json.loads(run(folder, "-c", ALONE, PYTHONPATH="").splitlines()[-1])
    assert answer == {
        "accepted": 0,
        "rejected": [{"index": 0, "reason": "Object missing required field `id`"}],
    }


def test_the_functions_requirements_are_those_of_the_lock() -> None:
    def pins(path: Path) -> set[str]:
        return set(re.findall(r"^([a-z0-9._-]+==\S+)", path.read_text(), re.MULTILINE))

    ours = pins(ROOT / "ingest/requirements.txt")
    assert ours <= pins(ROOT / "requirements.lock")
    named = {pin.partition("==")[0] for pin in ours}
    asked = {"certifi", "firebase-admin", "functions-framework", "limits", "msgspec"}
    assert asked | {"httptools", "uvloop"} <= named
