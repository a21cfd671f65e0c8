"""Who may import whom: the table of the design, read from the source of every module."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FOLDERS = {
    "wald": ROOT / "collector" / "wald",
    **{name: ROOT / name for name in ("ingest", "rtdb", "dashboard", "demo", "bench", "tests")},
}

ALLOWED = {
    "wald": (),
    "ingest": ("wald.report",),
    "rtdb": (),
    "dashboard": ("ingest.store", "wald.report"),
    "demo": ("wald.report",),
}
"""What each package may import of the others; itself it always may."""


@dataclass(frozen=True)
class Import:
    """One import statement's mention of one module."""

    file: Path
    line: int
    module: str
    """The full name of what is imported; for ``from m import n`` the module n, or else m."""
    importer: str
    late: bool
    """It stands in a function: nothing is imported before that is called."""
    typing: bool
    """It stands under ``if TYPE_CHECKING``: nothing is imported when the program runs."""

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"

    @property
    def package(self) -> str:
        """The name up to the first dot."""
        return self.module.partition(".")[0]


def modules(package: str) -> dict[str, Path]:
    """Every module of a package by its full name."""
    folder = FOLDERS[package]
    found = {}
    for file in sorted(folder.rglob("*.py")):
        parts = [package, *file.relative_to(folder).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = {name: file for package in FOLDERS for name, file in modules(package).items()}


def imports(name: str) -> Iterator[Import]:
    """Every import in a module, wherever it stands."""
    file = MODULES[name]
    tree = ast.parse(file.read_bytes(), str(file))
    late = _inside(tree, lambda node: isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    typing = _inside(
        tree, lambda node: isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    for node in ast.walk(tree):
        for module in _named(node, name, file):
            line = getattr(node, "lineno", 0)
            yield Import(file, line, module, name, node in late, node in typing)


def _inside(tree: ast.Module, is_room: Callable[[ast.AST], bool]) -> set[ast.AST]:
    rooms = (node for node in ast.walk(tree) if is_room(node))
    return {node for room in rooms for node in ast.walk(room)}


def _named(node: ast.AST, importer: str, file: Path) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = importer.split(".")
            up = node.level - (file.name == "__init__.py")
            base = ".".join([*package[: len(package) - up], *filter(None, [node.module])])
        wholes = [f"{base}.{alias.name}" for alias in node.names]
        yield from dict.fromkeys(whole if whole in MODULES else base for whole in wholes)


IMPORTS = [found for name in MODULES for found in imports(name)]


def named(offences: list[Import]) -> str:
    """Offences as lines, for a failure to show."""
    return "\n".join(map(str, offences))


def test_every_package_was_read() -> None:
    for package in ALLOWED:
        assert package in MODULES, f"{package} has no __init__.py"
    assert {each.importer for each in IMPORTS} >= {"wald.monitor", "ingest.store", "rtdb.app"}
    assert "wald.report" in {each.module for each in IMPORTS if each.importer == "ingest.schema"}
    assert "wald.report" in {each.module for each in IMPORTS if each.importer == "wald.delivery"}


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_what_the_design_allows(package: str) -> None:
    allowed = ALLOWED[package]
    offences = [
        each
        for each in IMPORTS
        if each.importer.partition(".")[0] == package
        and each.package in FOLDERS
        and each.package != package
        and each.module not in allowed
    ]
    assert named(offences) == ""


def test_the_collector_needs_the_standard_library_alone() -> None:
    ours = [each for each in IMPORTS if each.importer.partition(".")[0] == "wald"]
    outside = [each for each in ours if each.package not in sys.stdlib_module_names | {"wald"}]
    # An application made with Click brings Click along; sentry-sdk is the one extra.
    brought = {"sentry_sdk", "click"}
    assert named([each for each in outside if each.package not in brought]) == ""
    # The optional extra has a module to itself, which is imported when a crash happens.
    early = [each for each in outside if not each.late and each.importer != "wald.sentry"]
    assert named(early) == ""
    crash = [each for each in ours if each.module == "wald.sentry"]
    assert crash
    assert named([each for each in crash if not (each.late or each.typing)]) == ""


def test_analysis_and_charts_know_nothing_of_the_page() -> None:
    offences = [
        each
        for each in IMPORTS
        if each.importer.startswith(("dashboard.analysis", "dashboard.charts"))
        and (each.package == "streamlit" or each.module.startswith("dashboard.views"))
    ]
    assert named(offences) == ""


def test_only_tests_import_tests_and_only_benchmarks_import_benchmarks() -> None:
    may = {"tests": {"tests", "bench"}, "bench": {"bench"}}
    offences = [
        each
        for each in IMPORTS
        if each.importer.partition(".")[0] not in may.get(each.package, set(FOLDERS))
    ]
    assert named(offences) == ""


def test_modules_form_no_circle() -> None:
    graph: dict[str, set[str]] = {name: set() for name in MODULES}
    for each in IMPORTS:
        if each.module in MODULES and not each.typing:
            graph[each.importer].add(each.module)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
        pairs = {(circle[n + 1], circle[n]) for n in range(len(circle) - 1)}
        assert named([e for e in IMPORTS if (e.importer, e.module) in pairs]) == ""


def test_the_wheel_holds_the_collector_alone(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    folder = FOLDERS["wald"]
    files = (
        file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts
    )
    assert packed == {f"wald/{file.relative_to(folder).as_posix()}" for file in files}
