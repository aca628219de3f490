"""The parts of a training step of the primer's networks at batch 64: the next batch, forward, backward, the update."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset

from workloads.base import FLOAT_DTYPES, Setup, Step, workload
from workloads.checks import between, host64, near
from workloads.mnist_cnn import BATCH, FIRST_LOSS, MODELS, Dropout, batches_in_memory
from workloads.shared import mnist_data

PASS = 16  # batches, over and over
RATE, MOMENTUM = 0.001, 0.9
# An update is a hundred thousandth of the weights, so that rounding leaves it far less room than other answers.
ROUNDINGS = 4  # of an update, in units of the last place


def data(setup: Setup, network: nn.Module) -> Step:
    """The next batch from the primer's DataLoader, on the device."""
    batches = itertools.chain.from_iterable(
        itertools.repeat(DataLoader(Subset(mnist_data.dataset(train=True), range(PASS * BATCH)), BATCH))
    )

    def check_first(answers: Sequence[Tensor]) -> None:
        near(lambda: mnist_data.tensors(train=True, count=len(answers) * BATCH)[0])(torch.cat(list(answers)))

    return Step(lambda: next(batches)[0].to(setup.device, setup.dtype), BATCH, check_first=check_first)


def forward(setup: Setup, network: nn.Module) -> Step:
    """The loss of a batch that is on the device, its graph recorded."""
    images, labels = batches_in_memory(setup, BATCH, count=1)[0]

    def right() -> Tensor:
        return F.cross_entropy(host64(network)(host64(images)), labels.cpu())

    # Dropout draws other masks in float64.
    check = between(*FIRST_LOSS, "the loss") if isinstance(network, Dropout) else near(right)
    return Step(lambda: F.cross_entropy(network(images), labels), BATCH, check)


def backward(setup: Setup, network: nn.Module) -> Step:
    """Back through the same graph again and again, so that every step is the same work; gives the first gradient."""
    parameters = list(network.parameters())
    loss = forward(setup, network).run()
    # Rounding decides which pixels win the pooling, so that float64's gradients are others.
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True)
    return Step(lambda: torch.autograd.grad(loss, parameters, retain_graph=True)[0], BATCH, near(lambda: gradients[0]))


def optimizer(setup: Setup, network: nn.Module) -> Step:
    """An update by SGD with momentum, whose gradients stay the same; gives the first weights."""
    forward(setup, network).run().backward()
    weight = next(network.parameters())
    start, gradient = weight.detach().clone(), weight.grad
    assert gradient is not None
    update = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM)

    def run() -> Tensor:
        update.step()
        return weight.detach()

    def check_first(answers: Sequence[Tensor]) -> None:
        right, speed = host64(start), torch.zeros_like(host64(gradient))
        for answer in answers:
            speed = MOMENTUM * speed + host64(gradient)
            right = right - RATE * speed
            near(right.clone, ROUNDINGS * torch.finfo(setup.dtype).eps)(answer)

    return Step(run, BATCH, check_first=check_first)


PHASES = {"data": data, "forward": forward, "backward": backward, "optimizer": optimizer}


@workload(
    "mnist_cnn.phase",
    item="sample",
    dtypes=FLOAT_DTYPES,
    not_compiled="a phase is timed alone; torch.compile makes forward and backward together",
    data="mnist",
    model=tuple(MODELS),
    phase=tuple(PHASES),
)
def phase(setup: Setup, model: str, phase: str) -> Step:
    """One phase of a training step at batch 64, alone: the next batch, forward, backward, or the update."""
    name = mnist_data.prepare()
    step = PHASES[phase](setup, setup.place(MODELS[model]()))
    return replace(step, data=name, random=model == "dropout" and phase == "forward")
