"""Commits in which a case does a known share of extra work: a loop in Python, counted off to the share of its step."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from bench.measure.timer import block_time, calibrate
from bench.modes.steady import steady
from bench.records.git import git
from bench.records.record import Case
from bench.runs.plan import Selection, cases
from workloads.base import Setup, load_suite

# Cases that are slowed: products, memory traffic, autograd, a whole training step, Python overhead.
SLOWED = (
    "tensor_ops.matmul(shape=256x256x256)", "tensor_ops.elementwise(size=1048576)", "autograd.backward_deep(depth=32)",
    "modules.mlp(batch=64)", "linear_regression.train_step(batch=64,features=1)",
    "mnist_cnn.inference(model=padded,batch=1)",
)  # fmt: skip
# Appended to workloads/base.py, which needs no other change.
HOOK = """

# Planted by tests/perf/gate_slowed.py: extra work of a known share of the step.
import dataclasses as _dataclasses

PLANTED: dict[tuple[str, str], int] = {planted!r}
_build = Workload.build


def _slowed(self: Workload, setup: Setup, **point: Value) -> Step:
    step = _build(self, setup, **point)
    extra = PLANTED.get((self.name, ",".join(f"{{axis}}={{value}}" for axis, value in point.items())), 0)

    def run() -> Tensor:
        for _ in range(extra):
            pass
        return step.run()

    return _dataclasses.replace(step, run=run) if extra else step


Workload.build = _slowed
"""


def every_case() -> list[Case]:
    """The default suite's eager cases on the CPU."""
    return cases(load_suite(), Selection(modes=("eager",)))


def extra_loops(case: Case, share: float) -> int:
    """How many turns of an empty Python loop take `share` of the case's step on this machine.

    The step and the loop are timed in turns, on one thread, by its processor time: what else runs does not count.
    """
    torch.set_num_threads(case.threads)
    step = load_suite()[case.workload].build(Setup(torch.device("cpu")), **dict(case.point))
    loops = 100_000

    def spin() -> None:
        for _ in range(loops):
            pass

    with steady():
        steps, _ = calibrate(step.run, time.thread_time)
        ratios = []
        for _ in range(51):
            step_s = block_time(step.run, steps, time.thread_time) / steps
            ratios.append(step_s / block_time(spin, 1, time.thread_time))
    return round(share * statistics.median(ratios) * loops)


def plant(repository: Path, slowed: Sequence[Case], share: float) -> str:
    """Commit, on a branch of its own, that every one of the cases does extra work; the commit."""
    planted = {
        (case.workload, ",".join(f"{axis}={value}" for axis, value in case.point)): extra_loops(case, share)
        for case in slowed
    }
    base = repository / "workloads" / "base.py"
    original = base.read_text()
    base.write_text(original + HOOK.format(planted=planted))
    identity = ("-c", "user.name=gate_slowed", "-c", "user.email=gate_slowed@localhost")
    git(repository, "checkout", "-q", "--detach")
    git(repository, *identity, "commit", "-qam", f"Plant {share:.0%} of extra work")
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "HEAD~1")
    assert base.read_text() == original
    return commit
