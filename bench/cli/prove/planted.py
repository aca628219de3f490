"""Steps of which everything is known, for `torchpace prove`; used as a user's own module."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter, sleep

import torch
from torch import Tensor

from workloads import Setup, Step, WrongAnswer, near, workload
from workloads.checks import host64

SIZE, LARGE = 256, 2048  # of the square matrices
PRODUCTS = 3  # a step
PAUSE_S = 0.003


@workload("prove.busy", item="call", default=False)
def busy(setup: Setup, seconds: float, told: str) -> Step:
    """Reads the clock until its time is over; when each call began and ended is written into a file.

    It is when the answer is first checked: after it was timed, and asked for one answer more.
    """
    answer = torch.zeros((), device=setup.device)
    own: list[tuple[float, float]] = []
    waiting = [told] if setup.seed == 0 else []

    def run() -> Tensor:
        begun = perf_counter()
        while perf_counter() < begun + seconds:
            pass
        own.append((begun, perf_counter()))
        return answer

    def check(given: Tensor) -> None:
        if given.shape or float(given):
            raise WrongAnswer("it is not 0")
        while waiting:
            Path(waiting.pop()).write_text(json.dumps(own))

    return Step(run, check=check)


def products(setup: Setup, size: int = SIZE) -> tuple[Tensor, Tensor]:
    """Two matrices, of which a product with the second keeps its size."""
    return setup.randn(size, size), setup.randn(size, size) / size**0.5


def chain(a: Tensor, b: Tensor) -> Tensor:
    """Some products one after the other."""
    for _ in range(PRODUCTS):
        a = a @ b
    return a


def chained(setup: Setup, size: int) -> Step:
    """A step of such products, and nothing else."""
    a, b = products(setup, size)
    run = setup.compile(chain)
    return Step(lambda: run(a, b), items=PRODUCTS, check=near(lambda: chain(host64(a), host64(b))))


@workload("prove.products", item="product", default=False)
def small_products(setup: Setup) -> Step:
    """Products of which all that is counted is known."""
    return chained(setup, SIZE)


@workload("prove.large_products", item="product", default=False)
def large_products(setup: Setup) -> Step:
    """Products that keep a GPU busy for longer than it takes to launch them."""
    return chained(setup, LARGE)


@workload("prove.kept", item="product", default=False)
def kept(setup: Setup) -> Step:
    """A cheat: its answer is computed once."""
    a, b = products(setup)
    answers: list[Tensor] = []

    def run() -> Tensor:
        if not answers:
            answers.append(a @ b)
        return answers[0]

    return Step(run, check=near(lambda: host64(a) @ host64(b)))


@workload("prove.broken_graph", item="call", default=False)
def broken_graph(setup: Setup) -> Step:
    """One graph break; from the second call on every other one is in another dtype, for which all is compiled again."""
    x = setup.randn(64)
    calls = [0]

    def waves(x: Tensor) -> Tensor:
        y = x.sin()
        torch._dynamo.graph_break()
        return y.cos()

    compiled = setup.compile(waves)

    def run() -> Tensor:
        calls[0] += 1
        given = x if calls[0] % 2 else x.double()
        return compiled(given).to(x.dtype)  # type: ignore[no-any-return]

    return Step(run, check=near(lambda: host64(x).sin().cos()))


@workload("prove.pauses", item="call", default=False)
def pauses(setup: Setup) -> Step:
    """Products, and a pause in Python in which nothing happens."""
    a, b = products(setup)

    def run() -> Tensor:
        answer = chain(a, b)
        sleep(PAUSE_S)
        return answer

    return Step(run)
