"""asv on somebody's own project: two lines of its configuration, and a file that names the module."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.cli import main
from tests.bench.asv_project import asv, git, missing
from tests.conftest import ROOT
from tests.test_documents import blocks

PAGE = ROOT / "docs" / "in-python.md"
PERF = """
import torch
from workloads import Step, near, workload


@workload("mine.add", item="element", size=(64, 4096))
def add(setup, size):
    x = setup.randn(size)
    return Step(lambda: x + x, items=size, check=near(lambda: 2 * x.double()))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("own") / "project"
    (folder / "my_package").mkdir(parents=True)
    (folder / "benchmarks").mkdir()
    (folder / "my_package" / "__init__.py").write_text("")
    (folder / "my_package" / "perf.py").write_text(PERF)
    (found,) = [block for block in blocks(PAGE, "py") if "suites_of" in block]
    (folder / "benchmarks" / "__init__.py").write_text("")
    (folder / "benchmarks" / "all.py").write_text(found)
    (lines,) = blocks(PAGE, "json")
    usual = '"version": 1, "project": "mine", "repo": ".", "branches": ["HEAD"], "benchmark_dir": "benchmarks"'
    (folder / "asv.conf.json").write_text(f"{{{lines} {usual}}}")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "mine")
    return folder


def test_its_workloads_are_asvs_benchmarks(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = asv(project, "run", "--record-samples", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    found = set(json.loads((project / "results" / "benchmarks.json").read_text())) - {"version"}
    assert found == {"mine.add.track_step_time", "mine.add.track_peak_memory"}
    assert main(["compare", str(project / "results")]) == 0
    assert "size=4096" in capsys.readouterr().out


def test_what_is_measured_is_the_commits(project: Path) -> None:
    (project / "my_package" / "perf.py").write_text(PERF.replace("(64, 4096)", "(64,)"))
    git(project, "commit", "-qam", "fewer")
    (project / "my_package" / "perf.py").write_text("raise ImportError('what is not committed')\n")
    done = asv(project, "run", "--quick", "--bench", "just-discover")
    assert done.returncode == 0, done.stdout + done.stderr
    known = json.loads((project / "results" / "benchmarks.json").read_text())
    assert known["mine.add.track_step_time"]["params"][0] == ["'size=64'"]
