"""Choices a person makes before training: the learning rate and the regularization, their cost and effect."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from workloads.base import Setup, Step, workload
from workloads.checks import host64, losses_near, sgd_losses
from workloads.mnist_cnn import (
    BATCH,
    TEST_DIGITS,
    Padded,
    accuracy,
    batches_in_memory,
    learning_check,
    trainer,
    training_check,
)
from workloads.shared import mnist_data

CNN_STEPS, MLP_STEPS = 100, 300  # steps of training before the effect is read
RATE, MOMENTUM, L1, L2 = 0.05, 0.9, 1e-5, 1e-4  # of the perceptron's training


def effect(
    train: Callable[[Tensor, Tensor], Tensor], network: nn.Module, setup: Setup, steps: int
) -> Mapping[str, float]:
    """Train for `steps` steps on fresh batches; the mean loss of the last ten and the accuracy on test digits."""
    network.train()
    losses = [train(*batch) for batch in batches_in_memory(setup, BATCH, count=steps)]
    network.eval()
    return {
        "final_loss": float(torch.stack(losses[-10:]).float().mean()),
        "accuracy": accuracy(network, setup, TEST_DIGITS),
    }


@workload("training_choices.learning_rate", item="sample", data="mnist", lr=(0.001, 0.01, 0.1))
def learning_rate(setup: Setup, lr: float) -> Step:
    """A training step of the padded network at one learning rate, and where 100 such steps lead."""
    name = mnist_data.prepare()
    images, labels = batches_in_memory(setup, BATCH, count=1)[0]
    network = setup.place(Padded())
    train = trainer(setup, network, lr)

    def outcome() -> Mapping[str, float]:
        torch.manual_seed(setup.seed)
        network = setup.place(Padded())
        return effect(trainer(setup, network, lr), network, setup, CNN_STEPS)

    return Step(
        lambda: train(images, labels),
        items=BATCH,
        check_first=training_check(setup, network, lambda: itertools.repeat((images, labels)), lr),
        outcome=outcome,
        data=name,
    )


class Perceptron(nn.Module):
    """784-256-10 with dropout before the last layer; answers with logits [N, 10]."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Dropout(dropout), nn.Linear(256, 10)
        )

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layers(x)
        return answer


def regularized(setup: Setup, kind: str) -> tuple[nn.Module, Callable[[Tensor, Tensor], Tensor]]:
    """A perceptron, and a training step of it on a batch with one kind of regularization, which gives the loss."""
    network = setup.place(Perceptron(0.5 if kind == "dropout" else 0.0))
    weights = [p for p in network.parameters() if p.dim() > 1]
    decay = L2 if kind == "l2" else 0.0  # SGD adds the gradient of L2 itself
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=decay)
    loss_of = nn.CrossEntropyLoss()

    def objective(images: Tensor, labels: Tensor) -> Tensor:
        loss: Tensor = loss_of(network(images), labels)
        return loss + L1 * sum(w.abs().sum() for w in weights) if kind == "l1" else loss

    compiled = setup.compile(objective)

    def train(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = compiled(images, labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return network, train


def regularized_check(
    setup: Setup, network: nn.Module, kind: str, images: Tensor, labels: Tensor
) -> Callable[[Sequence[Tensor]], None]:
    """A check of the first losses on a batch; L2's share of them, a millionth, is below what rounding explains."""

    def start() -> nn.Module:
        torch.manual_seed(setup.seed)
        return Perceptron(0.0)

    def right(count: int) -> Tensor:
        x, y = host64(images), labels.cpu()

        def objective(model: nn.Module) -> Tensor:
            loss = nn.functional.cross_entropy(model(x), y)
            penalty = sum(weight.abs().sum() for weight in model.parameters() if weight.dim() > 1)
            return loss + L1 * penalty if kind == "l1" else loss

        decay = L2 if kind == "l2" else 0.0
        return sgd_losses(start(), objective, count, lr=RATE, momentum=MOMENTUM, decay=decay)

    return learning_check(start, network) if kind == "dropout" else losses_near(right)


@workload("training_choices.regularization", item="sample", data="mnist", kind=("none", "l1", "l2", "dropout"))
def regularization(setup: Setup, kind: str) -> Step:
    """A training step of a perceptron with one kind of regularization, and where 300 such steps lead."""
    name = mnist_data.prepare()
    network, train = regularized(setup, kind)
    images, labels = batches_in_memory(setup, BATCH, count=1)[0]

    def outcome() -> Mapping[str, float]:
        torch.manual_seed(setup.seed)
        network, train = regularized(setup, kind)
        return effect(train, network, setup, MLP_STEPS)

    return Step(
        lambda: train(images, labels),
        items=BATCH,
        check_first=regularized_check(setup, network, kind, images, labels),
        outcome=outcome,
        random=kind == "dropout",
        data=name,
    )
