"""Laying out the function's source as a cloud wants it: everything it imports in one folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from wald import report

PACKAGES = ("ingest", "wald")

MAIN = '''"""The function, where a cloud looks for it."""

from ingest.main import ingest

__all__ = ["ingest"]
'''

PROCFILE = "web: functions-framework --asgi --source main.py --target ingest --port $PORT\n"


def bundle(folder: Path) -> None:
    """Make or renew a folder that holds ``main.py``, its packages and its requirements."""
    here = Path(__file__).parent
    sources = {"ingest": here, "wald": Path(report.__file__).parent}
    folder.mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        shutil.rmtree(folder / name, ignore_errors=True)
        ignored = shutil.ignore_patterns("__pycache__", "requirements.txt")
        shutil.copytree(sources[name], folder / name, ignore=ignored)
    shutil.copy(here / "requirements.txt", folder)
    (folder / "main.py").write_text(MAIN, encoding="utf-8")
    (folder / "Procfile").write_text(PROCFILE, encoding="utf-8")
