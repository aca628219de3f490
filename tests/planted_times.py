"""Steps whose time is known, by the clock; part of `planted`."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from tests.spinning import spin
from workloads import Setup, Step, WrongAnswer, workload


@workload("planted.busy", item="call", seconds=(50e-6, 5e-3))
def busy(setup: Setup, seconds: float, told: str = "") -> Step:
    """Reads the clock until the time is over; to the file `told` it writes when each step began and ended.

    It does so when its answer is first checked, which is after it was timed and asked for one answer more.
    """
    answer = torch.zeros(())
    own: list[tuple[float, float]] = []

    def run() -> Tensor:
        own.append(spin(seconds))
        return answer

    waiting = [told] if told and setup.seed == 0 else []  # what is asked of it afterwards builds it from another

    def tell(right: Tensor) -> None:
        if right.shape or float(right):
            raise WrongAnswer("it is not 0")
        while waiting:
            Path(waiting.pop()).write_text(json.dumps(own))

    return Step(run, check=tell)


class Slow(torch.utils.data.Dataset[Tensor]):
    """Samples that each take 5 ms to fetch: all else that a step does is little beside it, on a busy machine, too."""

    def __len__(self) -> int:
        return 1 << 20

    def __getitem__(self, index: int) -> Tensor:
        spin(5e-3)
        return torch.ones(8)


@workload("planted.slow_loader", item="sample")
def slow_loader(setup: Setup) -> Step:
    """Trains on four samples at a time, which take longer to fetch than to learn from."""
    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    batches = iter(torch.utils.data.DataLoader(Slow(), batch_size=4))

    def run() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = model(next(batches)).square().mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Step(run, items=4)
