"""Inference with known behaviour in the modes that are for inference; used as a user's own module."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tests.spinning import spin_until
from workloads import Setup, Step, near, workload
from workloads.base import leave_as_is


def inference(setup: Setup, module: nn.Module, right: Callable[[], Tensor] | None = None) -> Step:
    """One call of a module on four rows of sixteen numbers."""
    module, x = setup.place(module).eval(), setup.randn(4, 16)
    called = setup.compile(module)

    def run() -> Tensor:
        with torch.inference_mode():
            answer: Tensor = called(x)
        return answer

    return Step(run, items=4, check=near(right or (lambda: module(x)), setup.tolerance))


@workload("planted.infers", item="sample", dtypes=("float32", "bfloat16"), latency=True)
def infers(setup: Setup) -> Step:
    """A small network that every mode can change."""
    return inference(setup, nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4)))


@workload("planted.infers_without_layers", item="sample")
def infers_without_layers(setup: Setup) -> Step:
    """A module that has no linear layer."""
    return inference(setup, nn.ReLU())


@workload("planted.outlier", item="sample")
def outlier(setup: Setup) -> Step:
    """A linear layer with one weight so large that int8 rounds all others to nothing."""
    layer = nn.Linear(16, 4, bias=False)
    with torch.no_grad():
        layer.weight[0, 0] = 1e4
    x = setup.randn(4, 16)
    x[:, 0] = 0  # the large one takes no part in the answer
    called = setup.compile(setup.place(layer).eval())

    def run() -> Tensor:
        with torch.inference_mode():
            answer: Tensor = called(x)
        return answer

    return Step(run, items=4, check=near(lambda: layer(x), setup.tolerance))


@workload("planted.adds", item="call")
def adds(setup: Setup) -> Step:
    """Hands over a function, which is no module."""
    x = setup.randn(16)
    add = setup.compile(torch.add)
    return Step(lambda: add(x, x), check=near(lambda: 2 * x))


@workload("planted.trains", item="sample")
def trains(setup: Setup) -> Step:
    """A module that is called where autograd records."""
    layer, x = setup.place(nn.Linear(16, 4)), setup.randn(4, 16)
    called = setup.compile(layer)
    return Step(lambda: called(x), items=4, check=near(lambda: layer(x), setup.tolerance))


@workload("planted.hands_over_nothing", item="call")
def hands_over_nothing(setup: Setup) -> Step:
    """Never gives a mode anything to change."""
    return Step(lambda: torch.zeros(()), check=near(lambda: torch.zeros(())))


@workload("planted.pays_off", item="call")
def pays_off(setup: Setup) -> Step:
    """In any mode but eager two seconds longer in its first call, and 10 ms instead of 20 ms in every one."""
    changed = setup.compile is not leave_as_is
    called, x = setup.compile(nn.Linear(1, 1).eval()), torch.zeros(1, 1)
    once = [2.0] if changed else []

    def run() -> Tensor:
        end = time.perf_counter() + (0.01 if changed else 0.02) + (once.pop() if once else 0.0)
        with torch.inference_mode():
            called(x)
        spin_until(end)
        return x

    return Step(run)
