"""Our packages come first in every process that torchpace starts, whatever the user has called his files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.cli import main
from bench.records.errors import describe
from bench.records.files import read
from tests.bench.toy import make
from tests.conftest import ROOT

STARTS = {  # with what is on PYTHONPATH before the user's folder
    "the command": ([str(Path(sys.executable).with_name("torchpace"))], []),
    "the module": ([sys.executable, "-P", "-m", "torchpace"], [str(ROOT)]),
}
MINE = ("--workloads", "my_package.perf", "--device", "cpu")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder; what of it is run although it must not be is found in `ran`."""
    monkeypatch.setenv("CLASH_LOG", str(tmp_path / "ran"))
    monkeypatch.setenv("CLASH_OURS", str(ROOT))
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "tests" / "data" / "clash", folder)
    return folder


def ran(folder: Path) -> str:
    log = folder.parent / "ran"
    return log.read_text() if log.exists() else ""


@pytest.mark.parametrize(("start", "before"), STARTS.values(), ids=STARTS)
def test_no_file_of_the_users_is_run_in_place_of_ours(folder: Path, start: list[str], before: list[str]) -> None:
    if not Path(start[0]).exists():
        pytest.skip("needs torchpace installed beside this Python")
    records = folder.parent / "mine.jsonl"
    done = subprocess.run(
        [*start, "run", *MINE, "--quick", "--launches", "1", "-o", str(records)],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*before, str(folder)])},
    )  # fmt: skip
    assert ran(folder) == ""
    assert done.returncode == 0, done.stderr
    assert [record.status for record in read(records).records if record.metric == "step_time"] == ["measured"]


def test_no_file_of_the_users_is_run_by_a_gate(folder: Path) -> None:
    project = make(folder.parent / "repository")
    shutil.copytree(folder, project.folder, dirs_exist_ok=True)
    project.commit("first")
    code, output, errors = project.run("gate", "--exact", "--base", "HEAD", *MINE)
    assert ran(folder) == ""
    assert code == 0, output + errors


def test_no_file_of_the_users_is_run_by_the_report_of_asv(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from bench.suites.report import Report

    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    Report.publish(SimpleNamespace(results_dir="results", html_dir="html"), None, {}, {}, {})
    assert "no report: torchpace: cannot read" in caplog.text
    assert ran(folder) == ""


@pytest.mark.parametrize(
    "line", ["from bench import helper", "import bench.helper", "import bench; bench.helper()"], ids=str.split
)
def test_an_import_of_the_users_file_says_that_its_name_is_ours(
    folder: Path, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "helped.py").write_text(line)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "")
    assert main(["list", "--workloads", "helped"]) == 2
    said = capsys.readouterr().err
    assert f"bench is a package of torchpace, which comes before {folder / 'bench.py'}: rename yours" in said


def test_a_name_that_nobody_else_has_is_not_said_to_clash() -> None:
    with pytest.raises(ImportError) as caught:
        import_module("bench.helper")
    assert "rename" not in describe(caught.value)
