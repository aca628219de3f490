"""Optimizers: what an update costs, by how it is implemented and over how many parameters."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from workloads.base import Setup, Step, Unavailable, workload
from workloads.checks import host64, losses_near

SIZE = 1024  # elements of every parameter
LR, DECAY, MOMENTUM = 0.1, 1e-2, 0.9  # a rate that shows in a norm after one update
BETAS, EPSILON = (0.9, 0.999), 1e-8
Update = Callable[[Tensor, Tensor, int, dict[str, Tensor]], Tensor]


def sgd(weight: Tensor, gradient: Tensor, step: int, state: dict[str, Tensor]) -> Tensor:
    """v <- 0.9 v + gradient; w <- w - lr v."""
    state["speed"] = MOMENTUM * state.get("speed", torch.zeros_like(weight)) + gradient
    return weight - LR * state["speed"]


def adam(weight: Tensor, gradient: Tensor, step: int, state: dict[str, Tensor]) -> Tensor:
    """Adam, as Kingma and Ba (2015) have it, with its two corrections for having begun at zero."""
    for name, beta, value in (("mean", BETAS[0], gradient), ("square", BETAS[1], gradient**2)):
        state[name] = beta * state.get(name, torch.zeros_like(weight)) + (1 - beta) * value
    mean, square = state["mean"] / (1 - BETAS[0] ** step), state["square"] / (1 - BETAS[1] ** step)
    return weight - LR * mean / (square.sqrt() + EPSILON)


def adamw(weight: Tensor, gradient: Tensor, step: int, state: dict[str, Tensor]) -> Tensor:
    """Adam on weights that have decayed first (Loshchilov and Hutter, 2019)."""
    return adam(weight * (1 - LR * DECAY), gradient, step, state)


BY_HAND: dict[str, Update] = {"sgd": sgd, "adam": adam, "adamw": adamw}
OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
OPTIONS = {"sgd": {"momentum": MOMENTUM}, "adam": {}, "adamw": {"weight_decay": DECAY}}


@workload(
    "optimizers.step", item="parameter", default=False, optimizer=("sgd", "adam", "adamw"),
    implementation=("loop", "foreach", "fused"), parameters=(16, 256),
    not_compiled="what a compiled optimizer gains is part of the ladders, which have it as a rung",
)  # fmt: skip
def step(setup: Setup, optimizer: str, implementation: str, parameters: int) -> Step:
    """One update of so many parameters of 1024 elements, from gradients that stay; answers with the norm of one."""
    weights = [setup.randn(SIZE).requires_grad_() for _ in range(parameters)]
    gradients = [setup.randn(SIZE) for _ in range(parameters)]
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    first, along = host64(weights[0]), host64(gradients[0])
    how = {"foreach": implementation == "foreach", "fused": implementation == "fused"}
    try:
        made = OPTIMIZERS[optimizer](weights, lr=LR, **OPTIONS[optimizer], **how)
    except RuntimeError as error:
        if "fused" not in str(error):
            raise
        raise Unavailable(f"{setup.device.type} has no fused {optimizer}") from error

    def run() -> Tensor:
        made.step()
        norm: Tensor = weights[0].detach().norm()
        return norm

    def right(count: int) -> Tensor:
        weight, found = first, []
        state: dict[str, Tensor] = {}
        for number in range(1, count + 1):
            weight = BY_HAND[optimizer](weight, along, number, state)
            found.append(weight.norm())
        return torch.stack(found)

    return Step(run, items=parameters, check_first=losses_near(right))
