"""ResNet-18 as torchvision has it, untrained, on images of 64 x 64: what a common network costs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.base import FLOAT_DTYPES, Setup, Step, Unavailable, workload
from workloads.checks import host64, judge, sgd_losses
from workloads.modules import inference_step

SIDE, CLASSES = 64, 10
LR, MOMENTUM = 0.01, 0.9
ROUNDED = 1e-3  # 20 layers and their batch norms in float32, twice: relative errors of up to 2e-4 were seen


def resnet18() -> nn.Module:
    """The network; Unavailable without torchvision."""
    try:
        from torchvision import models  # noqa: PLC0415 - half a second that nobody else needs
    except (ImportError, RuntimeError) as error:  # RuntimeError: of another torch's build
        raise Unavailable(f"ResNet-18 is torchvision's, which does not import: {error}") from error
    network: Any = models.resnet18(num_classes=CLASSES)
    made: nn.Module = network
    return made


@workload("resnet.inference", item="image", dtypes=FLOAT_DTYPES, default=False, batch=(1, 8))
def inference(setup: Setup, batch: int) -> Step:
    """Inference on [batch, 3, 64, 64]."""
    return inference_step(setup, resnet18(), setup.randn(batch, 3, SIDE, SIDE))


@workload("resnet.train_step", item="image", default=False, batch=(8,))
def train_step(setup: Setup, batch: int) -> Step:
    """One step of SGD with momentum on [batch, 3, 64, 64]; answers with the loss."""
    network = setup.place(resnet18()).train()
    images, labels = setup.randn(batch, 3, SIDE, SIDE), setup.randint(CLASSES, batch)
    start, compiled = host64(network), setup.compile(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=LR, momentum=MOMENTUM)

    def train() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(compiled(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def check_first(answers: Any) -> None:
        same, wanted = host64(images), labels.cpu()
        right = sgd_losses(
            start, lambda model: F.cross_entropy(model(same), wanted), len(answers), lr=LR, momentum=MOMENTUM
        )
        allowed = max(ROUNDED, 10 * (setup.convolution_tolerance or 0.0))
        for number, (answer, loss) in enumerate(zip(answers, right, strict=True), start=1):  # they fall fast
            judge(answer, loss, allowed, f" (loss {number})")

    return Step(train, items=batch, check_first=check_first)
