"""The workloads `frameworks.*`: which framework has which of them, in which ways its users write it.

A point with a `framework` and a `how` is run by a process of its own, which imports that framework and no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workloads.base import Point, Setup, Step, Unavailable, workload

ELSEWHERE = "its framework is imported by a process that `torchpace run` starts; nothing else measures it"
NOT_COMPILED = "its axis `how` says how it is compiled"
Hows = Mapping[str, Sequence[str]]

EAGER: Hows = {"torch": ("eager",), "tensorflow": ("eager",), "numpy": ("eager",)}
FUNCTIONS: Hows = {
    "torch": ("eager", "compile"), "tensorflow": ("eager", "function", "xla"), "jax": ("eager", "jit"),
    "numpy": ("eager",),
}  # fmt: skip
KERAS: Hows = dict.fromkeys(("keras-torch", "keras-tensorflow", "keras-jax"), ("compiled",))
MODELS: Hows = {**FUNCTIONS, "jax": ("jit",), **KERAS}


def points(hows: Hows, axes: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Every framework in each of its ways, at each of the other axes' points."""
    return [
        {**own, "framework": framework, "how": how} for own in axes for framework, ways in hows.items() for how in ways
    ]


def register(name: str, doc: str, item: str, hows: Hows, *axes: Mapping[str, Any]) -> None:
    """Register a workload that processes of frameworks run."""

    def builder(setup: Setup, **point: Any) -> Step:
        raise Unavailable(ELSEWHERE)

    builder.__doc__ = doc
    workload(f"frameworks.{name}", item=item, not_compiled=NOT_COMPILED, default=False, points=points(hows, axes))(
        builder
    )


register("elementwise_chain", "Eight elementwise operations in a row.", "element", FUNCTIONS, {"size": 1 << 18})
register("matmul", "A product of two square matrices.", "element", FUNCTIONS, {"size": 256})
register("conv2d", "A 3x3 convolution of images with 16 channels, padded.", "sample", FUNCTIONS, {"batch": 8})
register("softmax", "Softmax of rows of 1024.", "element", FUNCTIONS, {"rows": 256})
register("mlp_gradient", "The gradients of two linear layers.", "sample", FUNCTIONS, {"batch": 64})
register("linear_regression_loop", "The primer's loop: batches of 2, SGD, MSE.", "sample", MODELS, {"epochs": 10})
register("cnn_train_step", "A training step of the primer's networks, without dropout.", "sample", MODELS,
         {"model": "padded", "batch": 16}, {"model": "unpadded", "batch": 16})  # fmt: skip
register("cnn_inference", "The answers of the primer's networks for a batch.", "sample",
         {**MODELS, "onnxruntime": ("session",)},
         {"model": "padded", "batch": 16}, {"model": "unpadded", "batch": 16})  # fmt: skip
register("input_pipeline", "A pass over images that are normalized one by one and put into batches of 64.", "sample",
         EAGER, {"samples": 512})  # fmt: skip
