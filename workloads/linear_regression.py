"""Linear regression: the primer's loop as it stands, and one training step of any size."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from workloads.base import FLOAT_DTYPES, Setup, Step, WrongAnswer, workload
from workloads.checks import host64, losses_near, sgd_losses

EPOCHS = 1000  # bring the weight to 2 and the bias to 0 within 0.0002
SOME_EPOCHS = 200  # of the loop in the default suite, which takes seconds otherwise; an epoch's cost is the same
LEARNED = 0.005  # that, with room for rounding


@workload("linear_regression.loop", item="sample", epochs=(SOME_EPOCHS,))
def loop(setup: Setup, epochs: int) -> Step:
    """The whole loop: x = 1..5, y = 2x, shuffled batches of 2, SGD at 0.01, MSE; answers with [weight, bias]."""
    x = torch.arange(1.0, 6.0)[:, None].to(setup.device, setup.dtype)
    loader = DataLoader(TensorDataset(x, 2 * x), batch_size=2, shuffle=True)
    model = setup.place(nn.Linear(1, 1))
    compiled, mse = setup.compile(model), nn.MSELoss()

    def run() -> Tensor:
        torch.manual_seed(setup.seed)
        model.reset_parameters()  # every step trains from the same start
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(epochs):
            for inputs, targets in loader:
                loss = mse(compiled(inputs), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return torch.stack([model.weight.detach().flatten()[0], model.bias.detach()[0]])

    return Step(run, items=epochs * len(x), check=learned_line(epochs))


def learned_line(epochs: int) -> Callable[[Tensor], None]:
    """A check that so many epochs of the primer's loop have brought [weight, bias] as near to [2, 0] as they must.

    What is farthest at the start, within 3, is e^-0.01 as far after an epoch: the slowest direction's rate at 0.01.
    """
    allowed = max(LEARNED, 3 * math.exp(-0.01 * epochs))

    def check(answer: Tensor) -> None:
        weight, bias = answer.tolist()
        if not (abs(weight - 2) <= allowed and abs(bias) <= allowed):
            raise WrongAnswer(f"y = {weight:.4f} x + {bias:.4f} was learned, expected 2 x + 0 within {allowed:.2g}")

    return check


@workload(
    "linear_regression.train_step",
    item="sample",
    dtypes=FLOAT_DTYPES,
    default_modes=("eager", "compile"),
    points=[{"batch": 64, "features": 1}, {"batch": 4096, "features": 32}],
)
def train_step(setup: Setup, batch: int, features: int) -> Step:
    """One step of linear regression by SGD on a fixed noisy batch; answers with the loss."""
    x = setup.randn(batch, features)
    y = x.sum(dim=1, keepdim=True) + 0.1 * setup.randn(batch, 1)  # the noise keeps gradients from vanishing
    start = nn.Linear(features, 1)
    model = setup.place(copy.deepcopy(start))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.mse_loss(model(x), y)

    compiled = setup.compile(loss_of)

    def train(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = compiled(x, y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def resized(size: int) -> Callable[[], Tensor]:
        x = setup.randn(size, features)
        return lambda: train(x, x.sum(dim=1, keepdim=True))

    def right(count: int) -> Tensor:
        x64, y64 = host64(x), host64(y)
        return sgd_losses(start, lambda m: nn.functional.mse_loss(m(x64), y64), count, lr=0.01, momentum=0, decay=0)

    return Step(lambda: train(x, y), items=batch, check_first=losses_near(right), resized=resized)
