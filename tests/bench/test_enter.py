"""Every pass enters a mode alike, so that what is counted is the program that is timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.measure import compile_passes, passes, profile_passes
from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.records.record import Case
from bench.runs.fresh import Launcher

ONCE = Budget(warm_up_s=0.0, sample_s=0.0, min_values=1, max_values=1, calls_s=0.0, min_calls=1, max_calls=1)
CASE = Case(
    "linear_regression.train_step", 1, (("batch", 64), ("features", 1)), "cpu", "float32", "compile", threads=2
)  # fmt: skip
COUNTED = ("exact", "operators")


@pytest.fixture(scope="module")
def launcher(fork_server: None) -> Launcher:
    return Launcher(timeout_s=300)


def settings_after(task: Task, folder: str = "") -> tuple[bool, bool, int]:
    """In a fresh process: a pass; then whether eager's random numbers are used, kernels named, and how many threads."""
    import torch
    import torch._inductor.config as inductor

    if folder:
        found, reason = profile_passes.perform(task, folder)
        assert not reason, reason
        assert found
    else:
        perform = passes.perform if task.measure in passes.PASSES else compile_passes.perform_study
        assert [record.reason for record in perform(task) if record.status == "broken"] == []
    return inductor.fallback_random, inductor.cpp.enable_kernel_profile, torch.get_num_threads()


@pytest.mark.parametrize("measure", ["time", "memory", "exact", "latency", "turns", "operators"])
def test_every_pass_compiles_with_eagers_random_numbers(launcher: Launcher, compiled_code: str, measure: str) -> None:
    random, named, threads = launcher.call(
        "forkserver", settings_after, Task(CASE, measure, budget=ONCE, cache=compiled_code)
    )
    assert random
    assert named == (measure in COUNTED)  # a kernel that reports itself is slower
    assert threads == CASE.threads


def test_a_profile_does_too(launcher: Launcher, compiled_code: str, tmp_path: Path) -> None:
    task = Task(CASE, "timeline", budget=ONCE, cache=compiled_code)
    assert launcher.call("forkserver", settings_after, task, str(tmp_path)) == (True, True, CASE.threads)


def test_an_eager_case_imports_no_compiler(launcher: Launcher) -> None:
    assert launcher.call("spawn", compiler_after_eager) is False


def compiler_after_eager() -> bool:
    """In a fresh process: whether entering eager mode imported Inductor."""
    import sys

    from bench.modes.enter import entered

    before = "torch._inductor.config" in sys.modules
    with entered("eager", 1):
        pass
    return not before and "torch._inductor.config" in sys.modules
