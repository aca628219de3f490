"""The default suite under pytest-benchmark: `pytest tests/perf --benchmark-only`.

The same definitions as everywhere, timed by pytest-benchmark with the device's clock. One process runs them all,
so the figures say less than `torchpace run` does; `torchpace compare` reads the JSON and says so.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.devices import DEVICES
from bench.measure.task import build, check_defined
from bench.measure.timer import calibrate
from bench.modes.steady import steady
from bench.records.record import Case
from bench.runs.plan import Selection, cases
from workloads.base import Unavailable, load_suite

WORKLOADS = load_suite()
LONG_STEP_S = 0.1  # steps from here on are measured in LONG_ROUNDS rounds, shorter ones in ROUNDS
ROUNDS, LONG_ROUNDS = 20, 5

CASES = [
    pytest.param(
        case,
        marks=pytest.mark.benchmark(timer=DEVICES[case.device].clock, group=case.workload),
        id=f"{case.label}-{case.device}-{case.mode}",
    )
    for case in cases(WORKLOADS, Selection(devices=list(DEVICES)))
]


@pytest.mark.parametrize("case", CASES)
def test_step_time(benchmark: Any, case: Case) -> None:
    device = DEVICES[case.device]
    if reason := device.unavailable_reason():
        pytest.skip(f"{case.device}: {reason}")
    workload = WORKLOADS[case.workload]
    torch.set_num_threads(case.threads)
    torch.compiler.reset()  # what earlier cases compiled counts towards the limit of recompilations
    with steady():
        try:
            check_defined(workload, case)
            step = build(workload, case, device)
        except Unavailable as why:
            pytest.skip(str(why))
        answer = step.run()  # compiles, too
        if step.check:
            step.check(answer)
        benchmark.extra_info["case"] = case.body()
        benchmark.extra_info.update(items=step.items, item=workload.item, torch=torch.__version__)
        steps, step_s = calibrate(step.run, device.clock)  # pytest-benchmark would do so with the first, slow, calls
        benchmark.pedantic(step.run, rounds=LONG_ROUNDS if step_s > LONG_STEP_S else ROUNDS, iterations=steps)
