"""Training in less than float32: what autocast gains, with its losses held against float64's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from workloads.base import Setup, Step, workload
from workloads.checks import RELATIVE_TOLERANCE, host64, judge, sgd_losses, trained
from workloads.mnist_cnn import Padded

CLASSES = 10
LR, MOMENTUM = 0.01, 0.9


@workload(
    "mixed_precision.train_step", item="image", default=False, default_modes=("eager", "compile"),
    precision=("float32", "bfloat16"), batch=(64,),
)  # fmt: skip
def train_step(setup: Setup, precision: str, batch: int) -> Step:
    """A step of SGD of the padded network on [batch, 1, 28, 28], plain or under autocast; answers with the loss."""
    network = setup.place(Padded())
    images, labels = setup.randn(batch, 1, 28, 28), setup.randint(CLASSES, batch)
    start, compiled = host64(network), setup.compile(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=LR, momentum=MOMENTUM)
    dtype = getattr(torch, precision)

    def train() -> Tensor:
        optimizer.zero_grad()
        with torch.autocast(setup.device.type, dtype, enabled=precision != "float32"):
            loss = F.cross_entropy(compiled(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    moved = trained(lambda: next(start.parameters()), lambda: next(network.parameters()))

    def check_first(answers: Sequence[Tensor]) -> None:
        same, wanted = host64(images), labels.cpu()
        right = sgd_losses(
            start, lambda model: F.cross_entropy(model(same), wanted), len(answers), lr=LR, momentum=MOMENTUM
        )
        allowed = max(RELATIVE_TOLERANCE[dtype], setup.convolution_tolerance or 0.0)
        judge(torch.stack(list(answers)).float(), right, allowed)
        moved(answers)  # a loss may be off by more than the first updates change it

    return Step(train, items=batch, check_first=check_first)
