"""A new subject and a new device are one file each: planted in a copy of the project, they are found and measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.records.files import read
from tests.bench import planted_device

ROOT = Path(__file__).parents[2]
SUBJECT = '''"""A subject that nobody has heard of."""

from workloads import Setup, Step, host64, near, workload


@workload("planted.double", item="element", size=(16,))
def double(setup: Setup, size: int) -> Step:
    """Twice a number."""
    x = setup.randn(size)
    return Step(lambda: x + x, items=size, check=near(lambda: 2 * host64(x)))
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with two files more."""
    copy = tmp_path_factory.mktemp("project")
    for package in ("bench", "workloads", "reports", "tests"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (ROOT / "pyproject.toml", *ROOT.glob("*.py")):
        shutil.copy(file, copy)
    (copy / "workloads" / "planted.py").write_text(SUBJECT)
    (copy / "bench" / "devices" / "planted.py").write_text(Path(planted_device.__file__ or "").read_text())
    return copy


def run(project: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_device_passes_the_contract(project: Path) -> None:
    printed = run(project, "pytest", "tests/bench/test_devices.py", "-p", "no:cacheprovider", "-q", "-k", "planted")
    assert "passed" in printed


def test_a_new_subject_is_measured_on_a_new_device(project: Path) -> None:
    file = project / "planted.jsonl"
    asked = ("planted.*", "tensor_ops.cast(to=float64*", "--device", "cpu,planted", "--mode", "eager", "--quick")
    asked = (*asked, "--launches", "1")
    run(project, "bench.cli", "run", *asked, "-o", str(file))
    records = [record for record in read(file).records if record.metric == "step_time"]
    measured = {(record.case.workload, record.case.device) for record in records if record.status == "measured"}
    assert {("planted.double", "cpu"), ("planted.double", "planted"), ("tensor_ops.cast", "cpu")} <= measured
    lacking = {record.reason for record in records if record.status != "measured"}
    assert lacking == {"cpu has no float64"}  # its torch device is the CPU's
