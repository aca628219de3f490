"""What the layers in pyproject.toml cannot say: who may import torchvision, and which names asv looks for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

OURS = ("bench", "workloads", "reports")
SOURCES = sorted(path for name in OURS for path in (ROOT / name).rglob("*.py"))
TORCHVISION_IS_USED = ("resnet.py", "mnist_data.py", "vision.py")
ASV_LOOKS_FOR = ("time_", "timeraw_", "mem_", "peakmem_", "track_")


def imported(path: Path) -> set[str]:
    """The top-level packages a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_torchvision_is_imported_where_digits_are_read_or_its_networks_are_run_only(path: Path) -> None:
    assert path.name in TORCHVISION_IS_USED or "torchvision" not in imported(path)


def test_reports_import_no_torch() -> None:
    block = "import sys; sys.modules['torch'] = None; import pkgutil, importlib, reports\n"
    walk = "for m in pkgutil.walk_packages(reports.__path__, 'reports.'): importlib.import_module(m.name)\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{block}{walk}assert 'reports.page.report' in sys.modules"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_only_suites_uses_the_names_that_asv_looks_for() -> None:
    for path in (ROOT / "bench").rglob("*.py"):
        if path.name != "suites.py":
            names = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
            assert not {name for name in names if name.startswith(ASV_LOOKS_FOR)}, path
