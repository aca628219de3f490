"""Steps of several ranks that go wrong in a known way, on their last rank, or take a known time."""

from __future__ import annotations

import os
import signal
import time

import torch
import torch.distributed as dist
from torch import Tensor

from workloads import Setup, Step, Unavailable, near, workload

SLOW_S = 0.02


def planted(setup: Setup, ranks: int, what: str) -> Step:
    """A step that adds up one per rank, and on the last rank does something else besides."""
    is_last = dist.get_rank(setup.group) == ranks - 1
    calls = 0

    def run() -> Tensor:
        nonlocal calls
        calls += 1
        answer = torch.ones(4)
        if is_last:
            answer = amiss(what, calls, answer)
        dist.all_reduce(answer, group=setup.group)
        return answer

    return Step(run, items=ranks, check=near(lambda: torch.full((4,), float(ranks))))


def amiss(what: str, calls: int, answer: Tensor) -> Tensor:
    """What the last rank does, and what it has to give then."""
    if what == "slow":
        time.sleep(SLOW_S)
    if what == "wrong":
        return answer + 1
    if calls > 2 and what == "raises":
        raise ValueError("planted in a rank")
    if calls > 2 and what == "dies":
        print("last words of a rank", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if calls > 2 and what == "hangs":
        time.sleep(600)
    return answer


@workload(
    "planted.ranks",
    item="rank",
    default=False,
    ranks=(1, 2),
    what=("fine", "slow", "wrong", "raises", "dies", "hangs", "absent"),
)
def step(setup: Setup, ranks: int, what: str) -> Step:
    """Planted."""
    if what == "absent":
        raise Unavailable("planted")
    return planted(setup, ranks, what)
