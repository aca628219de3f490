"""Imports run one way: workloads -> torch; bench -> workloads; reports -> the plain data of bench."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

PLAIN_DATA = {"bench.metric", "bench.notes", "bench.record", "bench.storing"}
OURS = {"bench", "workloads", "reports"}
SOURCES = sorted(path for name in OURS for path in (ROOT / name).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The modules a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            inside = (ROOT / module.replace(".", "/")).is_dir()
            found |= {f"{module}.{alias.name}" for alias in node.names} if inside else {module}
    return found


def allowed(path: Path, module: str) -> bool:
    package, top = path.relative_to(ROOT).parts[0], module.partition(".")[0]
    if top == "torchvision":
        return path.name in ("mnist_data.py", "preload.py")
    if package == "workloads":
        return top not in OURS or top == "workloads"
    if package == "reports":
        return top != "torch" and (top not in OURS or top == "reports" or module_of(module) in PLAIN_DATA)
    edge = "cli" in path.parts  # the command is where ruler and judge meet
    return top != "reports" or edge


def module_of(name: str) -> str:
    """The module of 'bench.record.Case' or of 'bench.record'."""
    parts = name.split(".")
    return ".".join(parts[:2])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    wrong = {module for module in imported(path) if not allowed(path, module)}
    assert not wrong


def test_a_forbidden_import_would_be_seen() -> None:
    assert not allowed(ROOT / "workloads" / "x.py", "bench.devices")
    assert not allowed(ROOT / "reports" / "x.py", "torch")
    assert not allowed(ROOT / "reports" / "x.py", "bench.measuring")
    assert not allowed(ROOT / "bench" / "measuring.py", "reports.units")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_says_what_it_is_and_is_not_long(path: Path) -> None:
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "no docstring at the top"
    assert text.count("\n") <= 300


def test_only_suites_uses_the_names_that_asv_looks_for() -> None:
    prefixes = ("time_", "timeraw_", "mem_", "peakmem_", "track_")
    for path in SOURCES:
        if path.parts[-2] == "bench" and path.name != "suites.py":
            names = {n.name for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)}
            assert not {name for name in names if name.startswith(prefixes)}, path
