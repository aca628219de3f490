"""A network trained by DDP in which one rank does a known share of a step more, in a known phase."""

from __future__ import annotations

import time

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from workloads import Setup, Step, workload

PHASES = ("loader", "forward", "backward", "optimizer")
SHARE = 0.2  # of a step
STEPS = 8  # by which a step's length is known
WIDE = 384


def wait(seconds: float) -> None:
    """Be busy for so long."""
    until_s = time.perf_counter() + seconds
    while time.perf_counter() < until_s:
        pass


class Waits(nn.Module):
    """Three layers that wait in their forward pass, and in their backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(WIDE, WIDE), nn.Linear(WIDE, 10)
        self.middle = nn.Sequential(*(layer for _ in range(6) for layer in (nn.Linear(WIDE, WIDE), nn.ReLU())))
        self.wait_s = dict.fromkeys(PHASES, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        wait(self.wait_s["forward"])
        hidden = self.middle(self.first(x))
        if hidden.requires_grad:
            hidden.register_hook(lambda gradient: wait(self.wait_s["backward"]))
        answer: Tensor = self.last(hidden)
        return answer


@workload(
    "planted.straggler",
    item="sample",
    default=False,
    ranks=(2, 4),
    late=(-1, 0, 1, 2, 3),
    phase=(*PHASES, "none"),
    number=(0,),
)
def straggler(setup: Setup, ranks: int, late: int, phase: str, number: int) -> Step:
    """Rank `late` waits for a fifth of a step in the phase. number: of the study."""
    model = Waits()
    parallel = nn.parallel.DistributedDataParallel(model, process_group=setup.group)
    optimizer = torch.optim.SGD(parallel.parameters(), lr=1e-3)
    data, labels = torch.randn(64, WIDE), torch.randint(10, (64,))

    def run() -> Tensor:
        wait(model.wait_s["loader"])
        optimizer.zero_grad()
        loss = F.cross_entropy(parallel(data), labels)
        loss.backward()
        wait(model.wait_s["optimizer"])
        optimizer.step()
        return loss.detach()

    for _ in range(STEPS // 2):
        run()
    began_s = time.perf_counter()
    for _ in range(STEPS):
        run()
    longest = torch.tensor((time.perf_counter() - began_s) / STEPS, dtype=torch.float64)
    dist.all_reduce(longest, op=dist.ReduceOp.MAX, group=setup.group)
    if dist.get_rank(setup.group) == late and phase in PHASES:
        model.wait_s[phase] = SHARE * float(longest)
    return Step(run, items=64)
