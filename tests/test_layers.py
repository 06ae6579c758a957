"""Imports point down, Prefect stays in flows, and starting the command line loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "cxnlp"
LEVELS = [
    {"records", "errors", "config", "taxonomy", "departments"},
    {"text", "metrics"},
    {"sources", "analysis", "linking", "summaries", "storage", "reports"},
    {"evaluation"},
    {"training", "publication", "starter"},
    {"pipeline"},
    {"cli"},
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the dotted names that a module imports anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room_of(path: Path) -> str:
    """Return the room a module stands in: "linking", "cli"."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    for name in imported(path):
        if name.startswith("cxnlp."):
            other = name.split(".")[1]
            if other in LEVEL and other != room:
                assert LEVEL[other] < LEVEL[room] or LEVEL[other] == 0 == LEVEL[room], f"{room} imports {other}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_flows_knows_prefect(path: Path) -> None:
    assert not {name for name in imported(path) if name.split(".")[0] in {"prefect", "flows"}}


def test_every_room_has_a_level() -> None:
    rooms = {room_of(path) for path in MODULES} - {"__init__"}
    assert rooms <= LEVEL.keys()


def test_the_command_line_starts_without_heavy_libraries() -> None:
    code = "import sys, cxnlp.cli; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"spacy", "sklearn", "pandas", "sqlalchemy", "prefect", "numpy", "torch"} & set(loaded)
