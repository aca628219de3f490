"""Steps whose time grows with their size as a known cost, by the clock; used as a user's own module."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor

from workloads import Setup, Step, near, workload

SMALLEST, LARGEST = 64, 16384
UNIT_S = 20e-6  # the smallest step without an overhead
OVERHEAD_ENDS = 512.0
COSTS = {
    "n": lambda n: n / SMALLEST,
    "n log n": lambda n: n * math.log(n) / (SMALLEST * math.log(SMALLEST)),
    "n^2": lambda n: (n / SMALLEST) ** 2,
    "n^2 + overhead": lambda n: (n / SMALLEST) ** 2 + (OVERHEAD_ENDS / SMALLEST) ** 2,
}


@workload("planted.grows", item="call", cost=tuple(COSTS), size=(SMALLEST,))
def grows(setup: Setup, cost: str, size: int) -> Step:
    """Reads the clock until as much time is over as the cost says."""
    seconds, answer = UNIT_S * COSTS[cost](size), torch.zeros(())

    def run() -> Tensor:
        end = time.perf_counter() + seconds  # nothing between two readings: a step is as short as twice such a pause
        while time.perf_counter() < end:
            pass
        return answer

    return Step(run, check=near(lambda: torch.zeros(())))
