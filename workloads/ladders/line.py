"""What each usual optimization of the primer's linear regression gains, up to many steps of training in one graph.

Every rung trains from the same start on the same five samples in shuffled batches of two; only how is different.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from workloads.base import Setup, Step, workload
from workloads.linear_regression import EPOCHS, learned_line
from workloads.shared.rungs import Rung, bottom_rung, climb, no_compiler, points

SAMPLES, BATCH, RATE = 5, 2, 0.01  # the primer's
TRAINED_EPOCHS = 100  # for the outcome: what is left of the loss is then still far from rounding
GRAPH_EPOCHS = 4  # 12 steps: 26 s to compile on a busy machine, where 8 epochs had not compiled after 40 s

Line: TypeAlias = tuple[Tensor, Tensor]  # weight and bias, without dimensions


@dataclass(frozen=True, slots=True)
class Loop:
    """How the epochs are run; the defaults are the primer's loop.

    waits: the loss is read with item() after every step. update: arguments of SGD that choose its implementation.
    by_hand: gradient and update are written out. drawn_ahead: the order of all samples is drawn before the first step.
    compiled: what is one graph: nothing, a step, or many.
    """

    in_memory: bool = False
    waits: bool = True
    update: Mapping[str, bool] | None = None
    by_hand: bool = False
    drawn_ahead: bool = False
    compiled: str = ""


# What each gained on two shared x86 cores, torch 2.14: docs/what-pays.md. Not measured on a GPU.
RUNGS: tuple[Rung[Loop], ...] = (
    bottom_rung("primer"),
    Rung("in_memory", "primer", lambda loop: replace(loop, in_memory=True)),
    Rung("no_synchronize", "in_memory", lambda loop: replace(loop, waits=False)),
    # Leaves: there is one weight and one bias to update, so that one call for all saves next to nothing.
    Rung("foreach", "no_synchronize", lambda loop: replace(loop, update={"foreach": True})),
    Rung("fused", "no_synchronize", lambda loop: replace(loop, update={"fused": True})),
    # What costs here is the number of operator calls: autograd and the optimizer make most of them.
    Rung("functional", "no_synchronize", lambda loop: replace(loop, by_hand=True)),
    # A leaf: entering a graph costs more than the ten small operators that it replaces.
    Rung("compiled_step", "functional", lambda loop: replace(loop, compiled="step"), no_compiler),
    Rung("drawn_ahead", "functional", lambda loop: replace(loop, drawn_ahead=True)),
    Rung("one_graph", "drawn_ahead", lambda loop: replace(loop, compiled="many"), no_compiler),
)


def stepped(line: Line, x: Tensor, y: Tensor) -> Line:
    """One step of SGD on the mean squared error over x and y [n], with its gradient written out."""
    weight, bias = line
    error = weight * x + bias - y
    return weight - RATE * 2 * (error * x).mean(), bias - RATE * 2 * error.mean()


def many_stepped(line: Line, x: Tensor, y: Tensor) -> Line:
    """GRAPH_EPOCHS epochs of steps over x and y [GRAPH_EPOCHS, SAMPLES], already shuffled."""
    for epoch in range(GRAPH_EPOCHS):
        for start in range(0, SAMPLES, BATCH):
            batch = slice(start, start + BATCH)
            line = stepped(line, x[epoch, batch], y[epoch, batch])
    return line


def by_hand(setup: Setup, loop: Loop, x: Tensor, y: Tensor) -> Callable[[Line, int], Line]:
    """Training with tensors only; takes the line to start from and the number of epochs."""
    x, y = x[:, 0], y[:, 0]
    one: Any = torch.compile(stepped, dynamic=False) if loop.compiled == "step" else stepped

    def train(line: Line, epochs: int) -> Line:
        for _ in range(epochs):
            for chosen in torch.randperm(SAMPLES, device=setup.device).split(BATCH):
                line = one(line, x[chosen], y[chosen])
        return line

    many: Any = torch.compile(many_stepped, fullgraph=True) if loop.compiled == "many" else many_stepped

    def train_ahead(line: Line, epochs: int) -> Line:
        orders = torch.rand(epochs, SAMPLES, device=setup.device).argsort(dim=1)  # a permutation a row
        for part in orders.split(GRAPH_EPOCHS):
            line = many(line, x[part], y[part])
        return line

    return train_ahead if loop.drawn_ahead else train


def by_autograd(setup: Setup, loop: Loop, x: Tensor, y: Tensor) -> Callable[[Line, int], Line]:
    """Training as the primer does, with a module, autograd and torch.optim."""
    model, mse = setup.place(nn.Linear(1, 1)), nn.MSELoss()
    loader = DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True)

    def indexed() -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.randperm(SAMPLES, device=setup.device).split(BATCH):
            yield x[chosen], y[chosen]

    def train(line: Line, epochs: int) -> Line:
        with torch.no_grad():
            for parameter, start in zip(model.parameters(), line, strict=True):
                parameter.fill_(start)
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE, **(loop.update or {}))
        total = 0.0
        for _ in range(epochs):
            for inputs, targets in indexed() if loop.in_memory else loader:
                loss = mse(model(inputs), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if loop.waits:
                    total += loss.item()
        return model.weight.detach().reshape(()).clone(), model.bias.detach().reshape(()).clone()

    return train


@workload(
    "linear_regression.ladder",
    item="sample",
    not_compiled="its rungs choose by themselves what is compiled",
    default=False,
    compiles=True,
    points=points([RUNGS], epochs=EPOCHS),
)
def ladder(setup: Setup, rung: str, on: str, epochs: int) -> Step:
    """The primer's regression from start to end: its loop, and one change more on every rung; gives [weight, bias]."""
    if epochs % GRAPH_EPOCHS:
        raise ValueError(f"epochs={epochs} is not a multiple of the {GRAPH_EPOCHS} that one graph holds")
    loop = climb(RUNGS, Loop(), rung, on, setup.device.type)
    x = torch.arange(1.0, SAMPLES + 1)[:, None].to(setup.device, setup.dtype)
    start = nn.Linear(1, 1)
    line = tuple(setup.place(start).requires_grad_(False).parameters())
    train = (by_hand if loop.by_hand else by_autograd)(setup, loop, x, 2 * x)

    def learned(epochs: int) -> Tensor:
        torch.manual_seed(setup.seed)  # every step shuffles alike
        return torch.stack(train((line[0].reshape(()), line[1].reshape(())), epochs))

    def outcome() -> Mapping[str, float]:
        weight, bias = learned(TRAINED_EPOCHS)
        return {"final_loss": float((weight * x + bias - 2 * x).square().mean())}

    return Step(lambda: learned(epochs), items=epochs * SAMPLES, check=learned_line(epochs), outcome=outcome)
