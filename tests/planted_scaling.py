"""Steps in ranks whose costs are known: two that are the same, and one that waits for a known time besides."""

from __future__ import annotations

import time

import torch
import torch.distributed as dist
from torch import Tensor

from workloads import Setup, Step, near, workload
from workloads.base import Point

WAIT_S = 10e-3
BUSY_S = 2e-3
POINTS: list[Point] = [
    {"pair": 0, "ranks": ranks, "wrap": wrap}
    for ranks, wrap in ((1, "none"), (1, "same"), (2, "none"), (2, "same"), (2, "slower"), (1, "alone"), (2, "alone"))
]


@workload("planted.scaling", item="rank", default=False, points=POINTS)
def step(setup: Setup, pair: int, ranks: int, wrap: str) -> Step:
    """Products and a sum over ranks; "slower" sleeps besides, and "alone" talks to nobody."""
    x, gradient = torch.randn(192, 192), torch.randn(1 << 14)
    right = x @ x

    def run() -> Tensor:
        if wrap == "slower":
            time.sleep(WAIT_S)
        until_s = time.perf_counter() + (BUSY_S if wrap == "alone" else 0.0)
        while time.perf_counter() < until_s:
            pass
        for _ in range(8):
            answer = x @ x
        if wrap != "alone":
            dist.all_reduce(gradient.clone(), group=setup.group)
        return answer

    return Step(run, items=ranks, check=near(lambda: right))
