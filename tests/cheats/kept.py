"""Answers that are kept instead of computed."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor, nn

from workloads.base import Setup, Step, WrongAnswer, workload
from workloads.checks import host64, losses_near, near, sgd_losses

SIZE = 192
Key = Callable[[Tensor, int], Hashable]
EVERYWHERE: dict[Hashable, Tensor] = {}


def product(a: Tensor, b: Tensor) -> Tensor:
    """The work."""
    return (a @ b).tanh() @ b


def remembering(setup: Setup, key: Key, kept: dict[Hashable, Tensor] | None = None) -> Step:
    """A step that computes only what it has not got by this key."""
    a, b = setup.randn(SIZE, SIZE), setup.randn(SIZE, SIZE) / SIZE**0.5
    memory: dict[Hashable, Tensor] = {} if kept is None else kept
    calls = [0]

    def run() -> Tensor:
        calls[0] += 1
        name = key(a, calls[0])
        if name not in memory:
            memory[name] = product(a, b)
        return memory[name]

    return Step(run, check=near(lambda: product(host64(a), host64(b))))


def register(name: str, key: Key, kept: dict[Hashable, Tensor] | None = None) -> None:
    """One cheat of this kind."""

    @workload(f"cheats.{name}", item="product")
    def build(setup: Setup) -> Step:
        return remembering(setup, key, kept)


@workload("cheats.kept_with_a_check_of_its_own", item="product")
def kept_with_a_check_of_its_own(setup: Setup) -> Step:
    """What is right was computed once, too: other inputs show nothing."""
    a, b = setup.randn(SIZE, SIZE), setup.randn(SIZE, SIZE) / SIZE**0.5
    right, answers = product(host64(a), host64(b)), []

    def run() -> Tensor:
        if not answers:
            answers.append(product(a, b))
        return answers[0]

    def check(answer: Tensor) -> None:
        if not torch.allclose(host64(answer), right, rtol=1e-3, atol=1e-4):
            raise WrongAnswer("it is not the product")

    return Step(run, check=check)


register("kept_once", lambda a, calls: 0)
register("kept_by_identity", lambda a, calls: id(a))
register("kept_by_pointer", lambda a, calls: a.data_ptr())
register("kept_by_version", lambda a, calls: a._version)
register("kept_by_first_numbers", lambda a, calls: tuple(a.view(-1)[:16].tolist()))
register("kept_by_some_numbers", lambda a, calls: tuple(a.view(-1)[:: SIZE * 37].tolist()))
register("kept_by_sum", lambda a, calls: float(a.sum()))
register("kept_by_all_bytes", lambda a, calls: hash(a.numpy().tobytes()))
register("kept_across_builds", lambda a, calls: tuple(a.shape), EVERYWHERE)
register("every_fourth", lambda a, calls: calls // 4)


@workload("cheats.kept_in_the_builder", item="product")
def kept_in_the_builder(setup: Setup) -> Step:
    """All work is done before the first call."""
    a, b = setup.randn(SIZE, SIZE), setup.randn(SIZE, SIZE) / SIZE**0.5
    answers = [product(a, b), a, b]
    return Step(lambda: answers[0] + 0, check=near(lambda: product(host64(a), host64(b))))


@workload("cheats.known_for_one_seed", item="product")
def known_for_one_seed(setup: Setup) -> Step:
    """Right for these inputs, and for no others: a part of the work is left out that they happen not to need."""
    a, b = setup.randn(SIZE, SIZE), setup.randn(SIZE, SIZE) / SIZE**0.5
    a[SIZE // 2 :] = 0
    a[-1, -1] = 1e-9

    def run() -> Tensor:
        answer = torch.zeros_like(a)
        answer[: SIZE // 2] = a[: SIZE // 2] @ b
        return answer

    return Step(run, check=near(lambda: host64(a) @ host64(b)))


def training(setup: Setup, trains: Callable[[int], bool], told: list[float] | None = None) -> Step:
    """A training step that is made only at some calls; at others it tells the loss of before, or one that it knows."""
    model, x, y = setup.place(nn.Linear(64, 1)), setup.randn(256, 64), setup.randn(256, 1)
    start = host64(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    calls: list[Any] = [0, torch.zeros(())]

    def run() -> Tensor:
        calls[0] += 1
        if told is not None:
            return torch.tensor(told[min(calls[0], len(told)) - 1])
        if trains(calls[0]):
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            calls[1] = loss.detach()
        return calls[1]  # type: ignore[no-any-return]

    def right(count: int) -> Tensor:
        return sgd_losses(start, lambda m: nn.functional.mse_loss(m(host64(x)), host64(y)), count, lr=0.01)

    if told is not None and not told:
        torch.manual_seed(0)
        told += right(50).tolist()
    return Step(run, items=256, check_first=losses_near(right))


@workload("cheats.three_steps_of_training", item="sample")
def three_steps_of_training(setup: Setup) -> Step:
    """The steps whose losses are checked are made."""
    return training(setup, lambda calls: calls <= 3)


@workload("cheats.every_third_step_of_training", item="sample")
def every_third_step_of_training(setup: Setup) -> Step:
    """After the steps whose losses are checked, two of three are left out."""
    return training(setup, lambda calls: calls <= 3 or calls % 3 == 0)


LOSSES: list[float] = []


@workload("cheats.known_losses", item="sample")
def known_losses(setup: Setup) -> Step:
    """The losses of seed 0 are known, and told to everybody."""
    return training(setup, lambda calls: False, LOSSES)
