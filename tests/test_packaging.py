"""What an installation brings: everything that the command imports, and nothing that only one use needs."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from bench.records import packages
from tests.bench.toy import make
from tests.conftest import ROOT
from torchpace_first import FILE, OURS

USES = {"asv", "frameworks", "mnist", "pytest", "tensorboard"}
# Imported where it is used, which says what is missing: asv and pytest load theirs themselves; NVML only adds facts.
OPTIONAL = {
    "asv": ("bench/suites",),
    "captum": ("workloads/explain.py",),
    "asv_runner": ("bench/suites",),
    "jax": ("workloads/frameworks/with_jax.py",),
    "keras": ("workloads/frameworks/with_keras.py",),
    "onnx": ("workloads/frameworks/with_onnxruntime.py",),
    "onnxruntime": ("workloads/frameworks/with_onnxruntime.py",),
    "pynvml": ("bench/counts/nvml.py",),
    "pytest": ("torchpace_pytest.py",),
    "tensorflow": ("workloads/frameworks/with_tensorflow.py",),
    "torchvision": ("workloads/shared/mnist_data.py", "workloads/resnet.py", "bench/preload/vision.py"),
}
ABSENT = ("asv", "asv_runner", "pytest", "pytest_benchmark", "tensorboard", "torch_tb_profiler", "torchvision")
ONE = ("--quick", "--launches", "1")
BLOCK = f"import sys\nsys.modules.update(dict.fromkeys({ABSENT}))\n"


def requirements(extra: str = "") -> set[str]:
    """The names of what an installation brings, with an extra."""
    found = map(Requirement, requires("torchpace") or [])
    return {each.name for each in found if each.marker is None or each.marker.evaluate({"extra": extra})}


def imported() -> dict[str, set[str]]:
    """Who imports what, of all that is neither ours nor Python's."""
    found: dict[str, set[str]] = {}
    for path in [*ROOT.glob("*.py"), *(path for name in OURS for path in (ROOT / name).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for top in {name.partition(".")[0] for name in names} - {*OURS, *sys.stdlib_module_names}:
                found.setdefault(top, set()).add(str(path.relative_to(ROOT)))
    return found


def test_an_installation_brings_what_is_imported_and_no_more() -> None:
    assert requirements() == imported().keys() - OPTIONAL.keys()


def test_what_is_optional_is_imported_in_its_place_only() -> None:
    found = imported()
    for name, places in OPTIONAL.items():
        assert found[name]
        assert {path for path in found[name] if not path.startswith(places)} == set()


def test_every_use_has_an_extra_and_one_extra_has_them_all() -> None:
    assert set(packages.extras()) == USES
    brought = {use: requirements(use) - requirements() for use in USES}
    assert brought == {use: set(names) for use, names in packages.extras().items()}
    assert {name for names in brought.values() for name in names} >= {"asv", "pytest", "tensorboard", "torchvision"}
    (gathered,) = (each for each in map(Requirement, requires("torchpace") or []) if each.name == "torchpace"
                   and each.marker and each.marker.evaluate({"extra": "all"}))  # fmt: skip
    assert gathered.extras == USES - {"frameworks"}  # which are larger than everything else together


def test_what_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "package_version", lambda name: None)
    assert packages.missing("asv") == "asv and asv_runner not installed; pip install 'torchpace[asv]'"


def test_tests_that_take_times_say_what_they_need() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/perf", "--benchmark-only", "-p", "no:benchmark"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.strip() == "ERROR: tests/perf needs pytest-benchmark: pip install 'torchpace[pytest]'"


class Plain:
    """torchpace where nothing that only one use needs can be imported, as after a plain installation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "block").mkdir()
        (folder / "block" / "sitecustomize.py").write_text(BLOCK)
        self.path = os.pathsep.join([str(folder / "block"), str(ROOT)])
        self.python = folder / "python"  # hosts of a gate do not get the path of the command
        self.python.write_text(f'#!/bin/sh\nPYTHONPATH={self.path} exec {sys.executable} "$@"\n')
        self.python.chmod(0o755)

    def run(self, *arguments: str, expect: int = 0, cwd: Path | None = None) -> str:
        """What the command prints."""
        done = subprocess.run(
            [self.python, "-P", FILE, *arguments], cwd=cwd or self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == expect, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout


@pytest.fixture
def plain(tmp_path: Path) -> Plain:
    return Plain(tmp_path)


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_absent_cannot_be_imported_in_these_tests(plain: Plain, name: str) -> None:
    done = subprocess.run([plain.python, "-c", f"import {name}"], capture_output=True, text=True, check=False)
    assert f"ModuleNotFoundError: import of {name} halted" in done.stderr


def test_run_compare_and_report_need_no_extra(plain: Plain) -> None:
    printed = plain.run("run", "modules.linear", "data_loading.mnist", "--device", "cpu", *ONE, "-o", "a.jsonl")
    assert re.search(r"not installed; pip install 'torchpace\[mnist\]'", printed)
    assert "linear" in plain.run("compare", "a.jsonl")
    plain.run("report", "a.jsonl", "-o", "a.html")
    assert "modules.linear" in (plain.folder / "a.html").read_text()


def test_reading_a_trace_needs_no_extra(plain: Plain) -> None:
    trace = ROOT / "tests" / "data" / "traces" / "rocm_minitoy_train.json.gz"
    assert plain.run("profile", "--trace", str(trace), "-o", "profile").strip() == "profile/report.html"


def test_a_gate_needs_no_extra(plain: Plain) -> None:
    toy = make(plain.folder / "toy")
    toy.write(loops=100)
    toy.commit("first")
    pythons = [part for side in ("base", "head") for part in (f"--{side}-python", str(plain.python))]
    chosen = ("--workloads", "toy.perf", "--device", "cpu")
    gated = plain.run("gate", "--base", "HEAD", *pythons, *chosen, "--trials", "1", "--undecided=pass", cwd=toy.folder)
    assert "loops" in gated
