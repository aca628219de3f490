"""asv on this suite: it asks nothing, keeps commits apart, and its results can be read back.

Each test goes on where the last one ended. How small a change asv tells, `make proof` says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.bench.asv_project import CHANGED, UNCHANGED, asv, continuous, git, make, missing, worse
from tests.bench.toy import SLOWER
from tests.conftest import ROOT

LINEAR = "modules.linear.track_step_time"
FACTOR = "5"  # far from nothing and from what is planted


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := missing():
        pytest.skip(reason)
    return make(tmp_path_factory.mktemp("asv") / "project", times=SLOWER)


def test_what_asv_discovers_is_the_default_suite(project: Path) -> None:
    done = asv(project, "run", "--bench", "just-discover")
    assert done.returncode == 0, done.stdout + done.stderr
    found = set(json.loads((project / ".asv/results/benchmarks.json").read_text())) - {"version"}
    from workloads.base import load_suite

    suite = {name: workload for name, workload in load_suite().items() if workload.default}
    expected = {f"{name}.{kind}" for name in suite for kind in ("track_step_time", "track_peak_memory")}
    expected |= {f"{name}.track_first_call" for name, w in suite.items() if "compile" in w.default_modes}
    assert found == expected


def test_a_commit_that_slows_a_workload_is_told_apart(project: Path) -> None:
    done = continuous(project, FACTOR, ("main~2", "main~1"))
    assert worse(done.stdout) == [CHANGED], done.stdout
    assert "PERFORMANCE DECREASED" in done.stdout
    assert done.returncode == 1


def test_commits_with_the_same_workloads_are_not_told_apart(project: Path) -> None:
    done = continuous(project, FACTOR, ("main~1", "main"), (UNCHANGED,))
    assert "NOT SIGNIFICANTLY CHANGED" in done.stdout, done.stdout
    assert done.returncode == 0


def test_results_are_stored_and_read_back(project: Path) -> None:
    done = asv(project, "run", "--record-samples", "-b", LINEAR, "-b", "modules.linear.track_peak_memory")
    assert done.returncode == 0, done.stdout + done.stderr
    commit = git(project, "rev-parse", "HEAD")
    (stored,) = (project / ".asv/results").glob(f"*/{commit[:8]}-*.json")
    body = json.loads(stored.read_text())
    import torch

    assert body["params"]["torch"] == torch.__version__.split("+")[0] or body["params"]["torch"] == torch.__version__
    compare = [sys.executable, "-m", "bench.cli", "compare", ".asv/results", "--format", "json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    shown = subprocess.run(compare, cwd=project, env=environment, capture_output=True, text=True, check=True)
    rows = [row for row in json.loads(shown.stdout) if row["workload"] == "modules.linear"]
    times = [row for row in rows if row["metric"] == "step_time" and row["point"] == "batch=64, features=256"]
    assert times
    assert all(1e-6 < row["base"] < 1e-2 for row in times)
    assert any(row["spread"] for row in times)
    memory = [row["base"] for row in rows if row["metric"] == "peak_memory"]
    assert memory
    assert all(value > 256 * 256 * 4 for value in memory)


def test_publish_and_compare_work_on_what_was_stored(project: Path) -> None:
    assert asv(project, "compare", "main~1", "main").returncode == 0
    assert asv(project, "publish").returncode == 0
    assert (project / ".asv/html/index.html").exists()
    page = (project / ".asv/html/torchpace/report.html").read_text()
    assert "modules.linear(batch=64,features=256)" in page


def test_publishing_goes_on_without_a_report(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from bench.suites.report import Report

    Report.publish(SimpleNamespace(results_dir=str(tmp_path), html_dir=str(tmp_path / "html")), None, {}, {}, {})
    assert "holds no results of torchpace, asv or pytest-benchmark" in caplog.text
    assert not (tmp_path / "html").exists()


def test_uncommitted_workloads_are_warned_about(project: Path) -> None:
    source = project / "workloads" / "modules.py"
    text = source.read_text()
    source.write_text(text + "\n")
    try:
        done = asv(project, "run", "--bench", "just-discover")
    finally:
        source.write_text(text)
    assert "workloads/ has uncommitted changes, which asv does not measure" in done.stdout + done.stderr
