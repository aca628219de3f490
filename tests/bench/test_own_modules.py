"""`--workloads` with what people give it by mistake: each is one line that says what to do, and exit code 2."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.cli import main
from tests.conftest import ROOT

FILES = {
    "bad_import.py": "import not_there_at_all\n",
    "bad_syntax.py": "def broken(:\n",
    "ends.py": "import sys\n\nsys.exit('bye')\n",
    "empty_module.py": "x = 1\n",
    "no_list.py": "import workloads\n\nworkloads.workload('own.step', item='call', batch=64)\n",
    "uses_ours.py": "import bench.helpers\n",
    "package/perf.py": "",
    "bench/__init__.py": "",
    "bench/perf.py": "",
    "reports.py": "",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("bad_import", "from {folder}: ModuleNotFoundError: No module named 'not_there_at_all' at bad_import.py:1"),
        ("bad_syntax", "does not import from {folder}: SyntaxError: invalid syntax (bad_syntax.py, line 1)"),
        ("ends", "does not import from {folder}: SystemExit: bye at ends.py:3"),
        ("empty_module", "defines no workload; decorate a function in it with @workload"),
        ("no_list", "axis 'batch' of workload 'own.step' is 64; give a tuple: batch=(64,) at no_list.py:3"),
        ("nowhere.perf", "'nowhere'; give its name as Python does, in the folder that holds its package"),
        ("package/perf.py", "package/perf.py is a path; name the module as Python does: --workloads package.perf"),
        ("./empty_module.py", "is a path; name the module as Python does: --workloads empty_module"),
        ("../perf.py", "is a path; name the module as Python does: --workloads perf, in the folder {above}"),
        ("bench.perf", "bench is a package of torchpace, which comes first; rename bench"),
        ("bench/perf.py", "bench is a package of torchpace, which comes first; rename bench"),
        ("reports", "reports is a package of torchpace, which comes first; rename reports.py"),
    ],
)  # fmt: skip
def test_a_module_that_is_none_says_what_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str], given: str, expected: str
) -> None:
    for arguments in (["list"], ["run", "--quick", "-o", "never.jsonl"]):
        assert main([*arguments, "--workloads", given]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("torchpace: --workloads ")
        assert line.endswith(expected.format(folder=folder, above=folder.parent))
    assert not Path("never.jsonl").exists()


def test_a_module_that_wants_another_of_our_name_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--workloads", "uses_ours"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "No module named 'bench.helpers' at uses_ours.py:1; bench is a package of torchpace" in line


def test_modules_of_ours_may_be_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert main(["list", "--workloads", "workloads.modules"]) == 0
    assert "modules.linear" in capsys.readouterr().out
