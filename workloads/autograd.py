"""Autograd: what recording a graph costs, and what going back through it does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as checkpointed

from workloads.base import FLOAT_DTYPES, Setup, Step, workload
from workloads.checks import host64, near

BACKWARD_ALONE = "the backward pass is timed alone, on a kept graph; torch.compile makes both passes together"


@workload(
    "autograd.forward",
    item="operation",
    dtypes=FLOAT_DTYPES,
    grad=("recorded", "no_grad", "inference_mode"),
    depth=(32,),
)
def forward(setup: Setup, grad: str, depth: int) -> Step:
    """A chain of small operations with its graph recorded, or not."""
    x = setup.randn(64, 64).requires_grad_()
    context: Callable[[], contextlib.AbstractContextManager[Any]] = {
        "recorded": torch.enable_grad,
        "no_grad": torch.no_grad,
        "inference_mode": torch.inference_mode,
    }[grad]

    def sines(x: Tensor) -> Tensor:
        for _ in range(depth):
            x = torch.sin(x)
        return x

    compiled = setup.compile(sines)

    def run() -> Tensor:
        with context():
            answer: Tensor = compiled(x)
        return answer

    return Step(run, items=depth, check=near(lambda: sines(host64(x))))


@workload("autograd.backward_deep", item="operation", dtypes=FLOAT_DTYPES, not_compiled=BACKWARD_ALONE, depth=(32, 256))
def backward_deep(setup: Setup, depth: int) -> Step:
    """Back through a chain of `depth` multiplications."""
    x = setup.randn(64, 64).requires_grad_()
    end = x
    for _ in range(depth):
        end = end * 0.99
    loss = end.sum()
    # bfloat16 rounds 0.99 at every link, so its error grows with the depth.
    tolerance = None if setup.dtype in (torch.float32, torch.float64) else 0.005 * depth
    return Step(
        lambda: torch.autograd.grad(loss, x, retain_graph=True)[0],
        items=depth,
        check=near(lambda: torch.full((64, 64), 0.99**depth, dtype=torch.float64), tolerance),
    )


@workload("autograd.backward_wide", item="operation", dtypes=FLOAT_DTYPES, not_compiled=BACKWARD_ALONE, width=(32, 256))
def backward_wide(setup: Setup, width: int) -> Step:
    """Back through `width` branches that all start at one tensor, whose gradients are summed."""
    x = setup.randn(64, 64).requires_grad_()
    loss = torch.stack([(x * 2.0).sum() for _ in range(width)]).sum()
    return Step(
        lambda: torch.autograd.grad(loss, x, retain_graph=True)[0],
        items=width,
        check=near(lambda: torch.full((64, 64), 2.0 * width, dtype=torch.float64)),
    )


@workload(
    "autograd.double_backward",
    item="element",
    dtypes=FLOAT_DTYPES,
    not_compiled="torch.compile does not differentiate a compiled graph twice",
    size=(4096,),
)
def double_backward(setup: Setup, size: int) -> Step:
    """The second derivative of sum(x^3), through a gradient that is itself recorded; it is 6x."""
    x = setup.randn(size).requires_grad_()

    def run() -> Tensor:
        (first,) = torch.autograd.grad((x * x * x).sum(), x, create_graph=True)
        return torch.autograd.grad(first.sum(), x)[0]

    return Step(run, items=size, check=near(lambda: 6 * host64(x)))


class Cube(torch.autograd.Function):
    """x^3 with its derivative written by hand."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        x: Tensor = ctx.saved_tensors[0]
        return 3 * x * x * grads[0]


@workload("autograd.custom_function", item="element", dtypes=FLOAT_DTYPES, kind=("built_in", "custom"), size=(4096,))
def custom_function(setup: Setup, kind: str, size: int) -> Step:
    """Forward and backward of x^3: with built-in operations, or as an autograd.Function."""
    x = setup.randn(size).requires_grad_()

    def loss(x: Tensor) -> Tensor:
        cube: Tensor = Cube.apply(x) if kind == "custom" else x * x * x
        return cube.sum()

    compiled = setup.compile(loss)
    return Step(
        lambda: torch.autograd.grad(compiled(x), x)[0],
        items=size,
        check=near(lambda: 3 * host64(x) ** 2),
    )


def tanh_layers(count: int, features: int) -> nn.Sequential:
    """`count` blocks of Linear and Tanh, all `features` wide."""
    return nn.Sequential(*[nn.Sequential(nn.Linear(features, features), nn.Tanh()) for _ in range(count)])


def gradient_norm(model: nn.Module) -> Tensor:
    """The 2-norm of all gradients together."""
    return torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])


@workload("autograd.gradient_accumulation", item="sample", dtypes=FLOAT_DTYPES, micro_batches=(1, 4), batch=(256,))
def gradient_accumulation(setup: Setup, micro_batches: int, batch: int) -> Step:
    """The gradient of one batch, taken at once or in micro-batches that add up; the answer is its norm."""
    model = setup.place(tanh_layers(3, 128))
    parts = setup.randn(batch, 128).chunk(micro_batches)
    compiled = setup.compile(model)

    def run() -> Tensor:
        model.zero_grad()
        for part in parts:
            (compiled(part).square().mean() / micro_batches).backward()
        return gradient_norm(model)

    def right() -> Tensor:
        exact = tanh_layers(3, 128).double()
        exact.load_state_dict({name: value.cpu().double() for name, value in model.state_dict().items()})
        exact(torch.cat([host64(part) for part in parts])).square().mean().backward()
        return gradient_norm(exact)

    return Step(run, items=batch, check=near(right))


@workload("autograd.checkpointing", item="sample", dtypes=FLOAT_DTYPES, checkpoint=(False, True), batch=(1024,))
def checkpointing(setup: Setup, checkpoint: bool, batch: int) -> Step:
    """Forward and backward of eight blocks that keep their activations, or compute them again."""
    blocks = setup.place(tanh_layers(8, 128))
    x = setup.randn(batch, 128)

    def loss(x: Tensor) -> Tensor:
        for block in blocks:
            x = checkpointed(block, x, use_reentrant=False) if checkpoint else block(x)
        return x.square().mean()

    compiled = setup.compile(loss)

    def run() -> Tensor:
        blocks.zero_grad()
        answer: Tensor = compiled(x)
        answer.backward()
        return answer.detach()

    def right() -> Tensor:
        exact: Tensor = host64(blocks)(host64(x)).square().mean().detach()
        return exact

    return Step(run, items=batch, check=near(right))
