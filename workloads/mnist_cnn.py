"""The primer's two convolutional networks on digits: training and inference; `mnist_phases` has the parts of a step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset

from workloads.base import FLOAT_DTYPES, Setup, Step, workload
from workloads.checks import first_between, host64, losses_near, sgd_losses, trained
from workloads.modules import inference_step
from workloads.shared import mnist_data

BATCH = 64
TEST_DIGITS = 2000  # a share of 0.9 of them has a standard error of 0.7 %
FIRST_LOSS = (1.8, 2.9)  # an untrained classifier of ten classes is near ln 10 = 2.30
PASS_LOSS = (0.2, FIRST_LOSS[1])  # within a long first pass it already learns
EXACT_STEPS = 8  # whose mean is computed again in float64, three times, in 4 s


class Padded(nn.Module):
    """Two padded 3x3 convolutions with pooling after each, two linear layers; answers with logits [N, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.fc1 = nn.Linear(64 * 7 * 7, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # [N, 32, 14, 14]
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # [N, 64, 7, 7]
        answer: Tensor = self.fc2(F.relu(self.fc1(x.flatten(1))))
        return answer


class Dropout(nn.Module):
    """Two 3x3 convolutions, pooling, two linear layers, dropout before each; answers with log-probabilities.

    The primer trains it with CrossEntropyLoss, which applies log_softmax a second time; applied to
    log-probabilities that changes nothing but the cost, so it is kept. Its second Dropout2d sees a 2-D input,
    where it is plain Dropout, and is written as such because torch warns that the other spelling will go.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.dropout1 = nn.Dropout2d(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))  # [N, 64, 24, 24]
        x = self.dropout1(F.max_pool2d(x, 2)).flatten(1)  # [N, 9216]
        x = self.dropout2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


MODELS: dict[str, type[nn.Module]] = {"padded": Padded, "dropout": Dropout}


def batches_in_memory(setup: Setup, batch: int, count: int) -> list[tuple[Tensor, Tensor]]:
    """`count` batches of images [batch, 1, 28, 28] and labels [batch], on the device."""
    images, labels = mnist_data.tensors(train=True, count=batch * count)
    images, labels = images.to(setup.device, setup.dtype), labels.to(setup.device)
    return list(zip(images.split(batch), labels.split(batch), strict=True))


def trainer(setup: Setup, model: nn.Module, lr: float = 0.001) -> Callable[[Tensor, Tensor], Tensor]:
    """One step of SGD with momentum 0.9 on a batch; gives back the loss, without waiting for it."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    compiled, loss_of = setup.compile(model), nn.CrossEntropyLoss()

    def train(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = loss_of(compiled(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return train


def learning_check(
    start: Callable[[], nn.Module], network: nn.Module, first: tuple[float, float] = FIRST_LOSS
) -> Callable[[Sequence[Tensor]], None]:
    """A check of losses that float64 cannot give: the first lies in a range, and the weights leave those of `start()`.

    Such are losses with dropout, which draws other masks in every dtype and mode.
    """
    in_range = first_between(*first, "the first loss")
    moved = trained(lambda: next(start().parameters()), lambda: next(network.parameters()))

    def check(answers: Sequence[Tensor]) -> None:
        in_range(answers)
        moved(answers)

    return check


def training_check(
    setup: Setup,
    network: nn.Module,
    batches: Callable[[], Iterator[tuple[Tensor, Tensor]]],
    lr: float = 0.001,
    steps: int = 1,
) -> Callable[[Sequence[Tensor]], None]:
    """A check of the first losses, each the mean of `steps` steps over the next of `batches()`, against float64's."""

    def start() -> nn.Module:
        torch.manual_seed(setup.seed)  # the network is the first thing that a builder draws
        return type(network)()

    def right(count: int) -> Tensor:
        again = batches()

        def loss(model: nn.Module) -> Tensor:
            images, labels = next(again)
            return F.cross_entropy(model(host64(images)), labels.cpu())

        return sgd_losses(start(), loss, count * steps, lr=lr, momentum=0.9).view(count, steps).mean(1)

    if steps > EXACT_STEPS:
        return learning_check(start, network, PASS_LOSS)
    return learning_check(start, network) if isinstance(network, Dropout) else losses_near(cache(right))


@workload(
    "mnist_cnn.train_step",
    item="sample",
    dtypes=FLOAT_DTYPES,
    default_modes=("eager", "compile"),
    data="mnist",
    model=tuple(MODELS),
    batch=(BATCH,),
)
def train_step(setup: Setup, model: str, batch: int) -> Step:
    """One training step on a batch that is already on the device; answers with the loss."""
    name = mnist_data.prepare()
    images, labels = batches_in_memory(setup, batch, count=1)[0]
    network = setup.place(MODELS[model]())
    train = trainer(setup, network)

    def resized(size: int) -> Callable[[], Tensor]:
        images, labels = batches_in_memory(setup, size, count=1)[0]
        return lambda: train(images, labels)

    return Step(
        lambda: train(images, labels),
        items=batch,
        check_first=training_check(setup, network, lambda: itertools.repeat((images, labels))),
        random=model == "dropout",
        data=name,
        resized=resized,
    )


@workload("mnist_cnn.train_epoch", item="sample", data="mnist", model=tuple(MODELS), samples=(256,))
def train_epoch(setup: Setup, model: str, samples: int) -> Step:
    """The primer's epoch over the first `samples` digits, with its DataLoader and transforms; 60000 are all."""
    name = mnist_data.prepare()
    digits = Subset(mnist_data.dataset(train=True), range(samples))

    def shuffled() -> DataLoader[Any]:  # with dice of its own, so that the check meets the same order
        return DataLoader(digits, BATCH, shuffle=True, generator=torch.Generator().manual_seed(setup.seed))

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        loader = shuffled()
        while True:
            yield from loader

    network, loader = setup.place(MODELS[model]()), shuffled()
    train = trainer(setup, network)

    def run() -> Tensor:
        losses = [train(images.to(setup.device, setup.dtype), labels.to(setup.device)) for images, labels in loader]
        return torch.stack(losses).mean()

    return Step(
        run,
        items=samples,
        check_first=training_check(setup, network, batches, steps=len(loader)),
        random=model == "dropout",
        data=name,
    )


@workload(
    "mnist_cnn.inference",
    item="sample",
    dtypes=FLOAT_DTYPES,
    data="mnist",
    latency=True,
    model=tuple(MODELS),
    batch=(1, 64, 512),
)
def inference(setup: Setup, model: str, batch: int) -> Step:
    """The network's answer for one batch, with dropout off and no graph recorded."""
    name = mnist_data.prepare()
    images, _ = batches_in_memory(setup, batch, count=1)[0]
    step = inference_step(setup, MODELS[model](), images, lambda size: batches_in_memory(setup, size, count=1)[0][0])
    return replace(step, data=name)


def accuracy(network: Callable[[Tensor], Any], setup: Setup, count: int) -> float:
    """The share of the first `count` test digits that the network names rightly."""
    images, labels = mnist_data.tensors(train=False, count=count)
    with torch.no_grad():
        answers = torch.cat([network(part.to(setup.device, setup.dtype)).argmax(1).cpu() for part in images.split(500)])
    return float((answers == labels).double().mean())
