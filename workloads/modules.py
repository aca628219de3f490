"""Modules: what calling them costs, and inference through the usual ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from workloads.base import FLOAT_DTYPES, Setup, Step, workload
from workloads.checks import host64, near


class Nested(nn.Module):
    """Doubles its input at the end of `depth` nested calls."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.inner = Nested(depth - 1) if depth > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        if self.inner is None:
            return x + x
        answer: Tensor = self.inner(x)
        return answer


@workload("modules.nested_call", item="call", dtypes=FLOAT_DTYPES, depth=(1, 16))
def nested_call(setup: Setup, depth: int) -> Step:
    """One small addition at the bottom of `depth` module calls: the cost of calling."""
    module, x = setup.compile(Nested(depth)), setup.randn(16)
    return Step(lambda: module(x), items=depth, check=near(lambda: 2 * host64(x)))


@workload("modules.hooks", item="call", dtypes=FLOAT_DTYPES, hooks=(0, 1, 8))
def hooks(setup: Setup, hooks: int) -> Step:
    """A small module with forward hooks that do nothing."""
    module, x = Nested(1), setup.randn(16)
    for _ in range(hooks):
        module.register_forward_hook(lambda module, args, output: None)
    called = setup.compile(module)
    return Step(lambda: called(x), items=1, check=near(lambda: 2 * host64(x)))


def inference_step(setup: Setup, module: nn.Module, x: Tensor, batch_of: Callable[[int], Tensor] | None = None) -> Step:
    """Inference of `module` on the batch `x`, checked against its float64 copy on the CPU.

    batch_of: makes batches of other sizes.
    """
    module = setup.place(module).eval()
    compiled = setup.compile(module)

    def infer(x: Tensor) -> Tensor:
        with torch.inference_mode():
            answer: Tensor = compiled(x)
        return answer

    def right() -> Tensor:
        with torch.no_grad():
            exact: Tensor = host64(module)(host64(x))
        return exact

    def resized(size: int) -> Callable[[], Tensor]:
        assert batch_of is not None
        other = batch_of(size)
        return lambda: infer(other)

    convolves = any(isinstance(part, nn.Conv2d) for part in module.modules())
    tolerance = setup.convolution_tolerance if setup.tolerance is None and convolves else setup.tolerance
    return Step(lambda: infer(x), items=x.shape[0], check=near(right, tolerance), resized=resized if batch_of else None)


@workload("modules.linear", item="sample", dtypes=FLOAT_DTYPES, batch=(1, 64), features=(256,))
def linear(setup: Setup, batch: int, features: int) -> Step:
    """Inference of one Linear layer."""
    return inference_step(setup, nn.Linear(features, features), setup.randn(batch, features))


@workload("modules.mlp", item="sample", dtypes=FLOAT_DTYPES, default_modes=("eager", "compile"), batch=(64,))
def mlp(setup: Setup, batch: int) -> Step:
    """Inference of a perceptron with two hidden layers, 784-256-256-10."""
    module = nn.Sequential(
        nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )  # fmt: skip
    return inference_step(setup, module, setup.randn(batch, 784), lambda size: setup.randn(size, 784))


@workload("modules.conv_block", item="image", dtypes=FLOAT_DTYPES, batch=(16,))
def conv_block(setup: Setup, batch: int) -> Step:
    """Inference of a 3x3 convolution with batch norm and ReLU, on [batch, 32, 28, 28]."""
    module = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU())
    return inference_step(setup, module, setup.randn(batch, 32, 28, 28))
