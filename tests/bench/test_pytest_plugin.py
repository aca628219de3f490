"""pytest's plugin, as somebody's own project uses it: the fixture, and workloads as tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.api.in_tests import seconds
from bench.records.errors import UsageError
from bench.records.files import read
from tests.conftest import ROOT

STEPS = """
import time
import torch

X = torch.randn(64, 64)

def step():
    return X @ X

def short():
    until = time.perf_counter() + 0.002
    while time.perf_counter() < until:
        pass
"""
TESTS = """
import pytest
import steps

def test_quick(torchpace):
    result = torchpace.measure(steps.short, at_most="1m", seconds=0.5)
    assert result.seconds < 60

def test_slow(torchpace):
    torchpace.measure(steps.short, at_most="10us", seconds=0.5)

def test_pair(torchpace):
    found = torchpace.compare(one=steps.step, two=lambda: [steps.step() for _ in range(50)], check=False, seconds=1)
    assert found["two"].verdict == "slower"

def test_apart(torchpace):
    torchpace.measure(steps.short, name="first", seconds=0.1)
    torchpace.measure(steps.short, name="second", seconds=0.1)

def test_same(torchpace):
    torchpace.measure(steps.short, seconds=0.1)
    with pytest.raises(Exception, match="is measured twice"):
        torchpace.measure(steps.step, seconds=0.1)
"""
PERF = """
import torch
from workloads import Step, Unavailable, near, workload

@workload("mine.add", item="element", size=(64, 4096))
def add(setup, size):
    x = setup.randn(size)
    return Step(lambda: x + x, items=size, check=near(lambda: 2 * x.double()))

@workload("mine.wrong", item="call")
def wrong(setup):
    x = setup.randn(8)
    return Step(lambda: x + 1, check=near(lambda: x.double()))

@workload("mine.elsewhere", item="call")
def elsewhere(setup):
    raise Unavailable("because it is elsewhere")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "steps.py").write_text(STEPS)
    (tmp_path / "test_own.py").write_text(TESTS)
    (tmp_path / "perf.py").write_text(PERF)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest as it is called by somebody; the plugin is named, in case torchpace is not installed but on the path."""
    named = ["-p", "torchpace_pytest"] if not installed() else []
    return subprocess.run(
        [sys.executable, "-m", "pytest", *named, "-p", "no:cacheprovider", *arguments],
        cwd=folder, env={name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def installed() -> bool:
    from importlib.metadata import entry_points

    return any(each.value == "torchpace_pytest" for each in entry_points(group="pytest11"))


def test_a_test_measures_and_fails_beyond_its_limit(project: Path) -> None:
    done = run(project, "test_own.py", "--torchpace-output", "kept.jsonl")
    assert done.returncode == 1
    assert "4 passed" in done.stdout
    assert "1 failed" in done.stdout
    assert "which is surely more than 10.0 µs" in done.stdout
    assert "records: kept.jsonl" in done.stdout
    cases = {record.case.label for record in read(project / "kept.jsonl").records}
    assert {"test_own.py::test_apart:first", "test_own.py::test_apart:second", "test_own.py::test_quick"} <= cases


def test_beside_other_tests_nothing_is_timed(project: Path) -> None:
    done = run(project, "test_own.py", "-n", "2", "-rs")
    assert done.returncode == 0, done.stdout
    assert "5 skipped" in done.stdout
    assert "run it without -n" in done.stdout
    refused = run(project, "--torchpace", "perf", "-n", "2")
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR
    assert "leave -n out" in refused.stdout + refused.stderr


def test_a_run_is_held_against_an_earlier_one(project: Path) -> None:
    kept = project / "kept.jsonl"
    run(project, "test_own.py", "-k", "quick", "--torchpace-output", str(kept))
    again = run(project, "test_own.py", "-k", "quick", "--torchpace-compare", str(kept))
    assert again.returncode == 1
    assert "with fresh=True it is measured in several, which can decide" in again.stdout
    passing = run(
        project, "test_own.py", "-k", "quick", "--torchpace-compare", str(kept), "--torchpace-undecided", "pass"
    )
    assert passing.returncode == 0
    new = run(project, "test_own.py", "-k", "pair or apart", "--torchpace-compare", str(kept))
    assert new.returncode == 0  # what was not measured then has nothing to be slower than


def test_workloads_are_tests(project: Path) -> None:
    done = run(project, "--torchpace", "perf", "--torchpace-launches", "2", "--torchpace-output", "kept.jsonl", "-rs")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 passed, 1 failed, 1 skipped" in " ".join(sorted(done.stdout.split("\n")[-2:])) or all(
        words in done.stdout for words in ("2 passed", "1 failed", "1 skipped")
    )
    assert "wrong answer" in done.stdout
    assert "because it is elsewhere" in done.stdout
    assert "test_own" not in done.stdout
    labels = {record.case.label for record in read(project / "kept.jsonl").records}
    assert labels == {"mine.add(size=64)", "mine.add(size=4096)", "mine.wrong", "mine.elsewhere"}


def test_a_workload_that_became_slower_fails(project: Path) -> None:
    options = ("--torchpace", "perf", "-k", "add", "--torchpace-launches", "4")
    assert run(project, *options, "--torchpace-output", "base.jsonl").returncode == 0
    faster = [json.loads(line) for line in (project / "base.jsonl").read_text().splitlines()]
    for line in faster:
        if line.get("metric") == "step_time":
            line["values"] = [value / 3 for value in line["values"]]
    (project / "base.jsonl").write_text("".join(json.dumps(line) + "\n" for line in faster))
    done = run(project, *options, "--torchpace-compare", "base.jsonl")
    assert done.returncode == 1
    assert "slower by more than 5" in done.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--torchpace", "nowhere"), "--workloads nowhere does not import"),
        (("--torchpace", "perf", "--torchpace-launches", "0"), "--torchpace-launches 0"),
        (("--torchpace", "perf", "--torchpace-slower-than", "much"), "'much' is not a share"),
        (("--torchpace", "perf", "--torchpace-compare", "nowhere.jsonl"), "cannot read nowhere.jsonl"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(project: Path, options: tuple[str, ...], says: str) -> None:
    done = run(project, *options)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert says in done.stderr + done.stdout


def test_who_does_not_ask_for_it_imports_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").write_text("MINE = True\n")
    (tmp_path / "test_mine.py").write_text(
        "import sys\n\n\ndef test_mine():\n    import bench\n    assert bench.MINE\n"
        "    assert 'torch' not in sys.modules\n"
    )
    done = run(tmp_path, "-p", "no:benchmark", "-p", "no:hypothesispytest")
    assert "1 passed" in done.stdout, done.stdout


def test_times_are_read_as_people_write_them() -> None:
    assert [seconds(each) for each in ("2ms", "150us", "150µs", "3 ns", "1.5s", "1m", 0.25)] == pytest.approx(
        [2e-3, 150e-6, 150e-6, 3e-9, 1.5, 60.0, 0.25]
    )
    with pytest.raises(UsageError, match="at_most='soon'"):
        seconds("soon")


def test_the_plugin_is_named_where_pytest_looks() -> None:
    assert 'torchpace = "torchpace_pytest"' in (ROOT / "pyproject.toml").read_text()
