"""What asv and pytest-benchmark themselves measured comes out as their own comparisons show it."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main

BIN = Path(sys.executable).parent
SUITE = """
import time

class Suite:
    params = ([1, 2], ["b<i>"])
    param_names = ["size", "kind"]
    number, repeat, warmup_time = 1, 4, 0

    def time_sleep(self, size, kind):
        time.sleep(size * {slower} * 1e-3)

    def track_items(self, size, kind):
        return size * {slower}
    track_items.unit = "items"

    def peakmem_list(self, size, kind):
        return [0] * 10

    def mem_list(self, size, kind):
        return [0] * size * {slower}

def time_fails():
    raise ValueError("meant")
time_fails.number = 1
"""
TESTS = """
import time
import pytest

@pytest.mark.parametrize("size", [1, 2])
def test_sleep(benchmark, size):
    benchmark.group = "sleeping"
    benchmark.extra_info["why"] = "to <b>be</b> measured"
    benchmark.pedantic(time.sleep, args=(size * {slower} * 1e-3,), rounds=5)
"""
CONFIG = {
    "version": 1, "project": "toy", "repo": ".", "branches": ["main"], "environment_type": "existing",
    "benchmark_dir": "benchmarks", "results_dir": ".asv/results", "env_dir": ".asv/env", "html_dir": ".asv/html",
    "show_commit_url": "",
}  # fmt: skip


def run(folder: Path, *command: str | Path) -> str:
    """What a command prints in the folder, with an empty home, where asv keeps its list of machines."""
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=folder, env={**alone, "HOME": str(folder)}, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode in (0, 2), done.stdout + done.stderr  # 2: asv says that a benchmark failed
    return done.stdout


def compared(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[dict[str, Any]]:
    assert main(["compare", *map(str, arguments), "--format", "json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture(scope="module")
def asv_project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A project with two commits that asv has measured, of which the second does twice the work."""
    folder = tmp_path_factory.mktemp("asv-toy")
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "__init__.py").touch()
    (folder / "asv.conf.json").write_text(json.dumps(CONFIG))
    (folder / ".gitignore").write_text(".asv*\n*.pyc\n")
    commits = []
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, BIN / "asv", "machine", "--yes")
    for slower in (1, 2):
        (folder / "benchmarks" / "suite.py").write_text(SUITE.replace("{slower}", str(slower)))
        run(folder, "git", "add", "-A")
        run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", f"{slower}")
        commits.append(run(folder, "git", "rev-parse", "HEAD").strip())
        # The code of a benchmark decides its version, and asv compares no versions: both commits say the same one.
        same = ["-E", f"existing:{sys.executable}", "--set-commit-hash", commits[-1], "--record-samples"]
        run(folder, BIN / "asv", "run", *same)
    return folder, commits


def test_asvs_results_come_out_as_asv_compare_shows_them(
    asv_project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = asv_project
    for path in (folder / ".asv" / "results").glob("*/*-*.json"):
        path.write_text(re.sub(r'"[0-9a-f]{64}"', '"1"', path.read_text()))
    shown = run(folder, BIN / "asv", "compare", "--factor", "1.1", *commits)
    theirs = re.findall(r"\| [ +x!-]* +\| *(\S+) +\| *(\S+) +\| *~?([\d.]+|n/a) +\| *(.+?) *\|", shown)
    assert len(theirs) == 4 * 2 + 1, shown
    ours = compared(capsys, folder / ".asv" / "results", "--by", "commit")
    names = {f"{row['workload']}({', '.join(each.split('=')[1] for each in row['point'].split(', '))})": row
             for row in ours if row["point"]}  # fmt: skip
    assert len(names) == 4 * 2
    for before, after, ratio, name in theirs:
        if "(" in name:
            row = names[name.replace("'", "").split(" [")[0]]
            assert row["ratio"] == pytest.approx(float(ratio), abs=0.006), (before, after, name)
    (failed,) = (row for row in ours if row["verdict"] == "broken")
    assert failed["workload"] == "suite.time_fails"


def test_intervals_where_samples_were_kept_and_units_as_they_are_described(
    asv_project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, commits = asv_project
    rows = compared(capsys, folder / ".asv" / "results", "--by", "commit")
    times = [row for row in rows if row["metric"] == "step_time" and row["ratio"]]
    assert len(times) == 2
    assert all(row["ratio_low"] < row["ratio"] < row["ratio_high"] for row in times)
    assert {row["unit"] for row in rows if row["metric"] == "tracked [items]"} == {"items"}
    assert {row["unit"] for row in rows if row["metric"] in ("process_memory", "object_memory")} == {"B"}
    assert main(["compare", str(folder / ".asv" / "results"), "--format", "markdown"]) == 0
    assert "kind=b&lt;i>" in capsys.readouterr().out
    assert main(["report", str(folder / ".asv" / "results"), "-o", str(folder / "report.html")]) == 0
    assert f"commit {commits[1][:10]}" in (folder / "report.html").read_text()


def test_pytest_benchmarks_results_come_out_as_its_compare_shows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for slower in (1, 2):
        (tmp_path / "test_toy.py").write_text(TESTS.replace("{slower}", str(slower)))
        run(tmp_path, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--benchmark-autosave",
            "--benchmark-save-data", "test_toy.py")  # fmt: skip
    files = sorted((tmp_path / ".benchmarks").rglob("*.json"))
    run(tmp_path, BIN / "pytest-benchmark", "compare", "--csv=theirs.csv", "--group-by=fullname")
    theirs: dict[str, list[float]] = {}
    for line in csv.DictReader((tmp_path / "theirs.csv").open()):
        theirs.setdefault(line["name"].partition("[")[2].partition("]")[0], []).append(float(line["median"]))
    rows = compared(capsys, *files)
    assert {row["point"] for row in rows} == {"size=1", "size=2"}
    for row in rows:
        assert sorted([row["base"], row["head"]]) == pytest.approx(sorted(theirs[row["point"].partition("=")[2]]))
        assert row["ratio"] == pytest.approx(row["head"] / row["base"])
    alone = compared(capsys, tmp_path / ".benchmarks")
    assert len(alone) == 4  # outside of a repository every run stands alone
    assert all("group=sleeping, why=to <b>be</b> measured" in row["data"] for row in alone)
