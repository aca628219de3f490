"""Whoever wrote a trace, it is read in the same words; a new dialect is one file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reports.profiles.trace.dialects import CATEGORIES, DETAILS, ON_CPU, ON_DEVICE, merged
from reports.profiles.trace.dialects.kineto import DIALECT as KINETO
from reports.profiles.trace.reading import read_trace
from tests.conftest import ROOT
from tests.traces.events import event, memory, op, step, write
from tests.traces.one import read_one

PLANTED = '''"""A device that was thought up for a test."""

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(
    categories={"abacus_call": "cuda_runtime", "abacus_work": "kernel"}, details={"Ticket": "correlation"},
    devices={99: "Abacus"}, marks=("Round ",), waits=("abacusWait",), communication=("abx",),
)
'''
READ = """
import json, sys
from pathlib import Path
from reports.profiles.profile import read_foreign
(found,) = read_foreign(Path(sys.argv[1]))
operators = found.operators.set_index("name")
print(json.dumps([
    found.steps.names, round(operators.loc["aten::mm", "device_self_s"] * 1e6), found.memory.device,
    found.activities.mean_s("communication") * 1e6,
]))
"""


def launched(runtime: str, kernel: str, **told: int) -> list[dict[str, object]]:
    """An operator that launches a kernel of 40 µs."""
    return [
        op("aten::mm", 10, 30),
        event(runtime, "launch", 15, 5, **told),
        event(kernel, "gemm", 50, 40, 7, 0, **told),
    ]


@pytest.mark.parametrize(
    ("runtime", "kernel"),
    [
        ("cuda_runtime", "kernel"), ("cuda_driver", "kernel"), ("hip_runtime", "kernel"), ("xpu_runtime", "kernel"),
        ("privateuse1_runtime", "kernel"), ("privateuse1_driver", "kernel"), ("mtia_runtime", "mtia_ccp_events"),
        ("Runtime", "Kernel"),
    ],
)  # fmt: skip
def test_a_kernel_belongs_to_the_operator_that_launched_it(tmp_path: Path, runtime: str, kernel: str) -> None:
    path = write(tmp_path / "t.json", [step(0, 0, 100), *launched(runtime, kernel, correlation=4131)])
    operators = read_one(path).operators.set_index("name")
    assert operators.loc["aten::mm", "device_self_s"] * 1e6 == pytest.approx(40)


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "CPU"), (1, "CUDA"), (6, "HIP"), (12, "XPU"), (15, "HPU"), (19, "MTIA"), (20, "PrivateUse1")],
)
def test_devices_have_the_names_of_their_numbers(tmp_path: Path, number: int, name: str) -> None:
    path = write(tmp_path / "t.json", [step(0, 0, 100), op("a", 1, 9), memory(5, 512, 64, 512, device=number)])
    found = read_one(path).memory
    assert found is not None
    assert found.device == name


def test_every_dialect_speaks_of_what_the_judge_knows() -> None:
    assert set(CATEGORIES.values()) == {*ON_CPU, *ON_DEVICE}
    assert set(DETAILS) == set(KINETO.details.values())  # whatever else is said of an event, no column takes it
    assert all(words for words in DETAILS.values())


def test_a_word_with_two_meanings_is_refused() -> None:
    assert merged([{"a": "kernel"}, {"a": "kernel", "b": "cpu_op"}]) == {"a": "kernel", "b": "cpu_op"}
    with pytest.raises(ValueError, match="'a' means 'kernel' in one dialect and 'cpu_op' in another"):
        merged([{"a": "kernel"}, {"a": "cpu_op"}])


def test_a_new_dialect_is_one_file(tmp_path: Path) -> None:
    for package in ("reports", "bench"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "reports/profiles/trace/dialects/abacus.py").write_text(PLANTED)
    events = [
        event("user_annotation", "Round 1", 0, 100), *launched("abacus_call", "abacus_work", Ticket=7),
        event("kernel", "ABX_reduce", 95, 5, 8, 0), memory(20, 512, 64, 512, device=99),
    ]  # fmt: skip
    path = write(tmp_path / "t.json", events)
    command = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [["Round 1"], 40, "Abacus", pytest.approx(5)]
    assert set(read_trace(path).events["category"]) >= {"abacus_work"}  # here, where nobody knows the word
