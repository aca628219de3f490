"""Steps in NumPy alone, which has no gradients and no compiler: they are written out, in float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from workloads.frameworks import plain
from workloads.frameworks.protocol import Array, Point, Step, holding


def unavailable(name: str) -> str:
    """It is always there."""
    return ""


def allowed(name: str) -> set[str]:
    """No framework."""
    return set()


def ways(name: str) -> tuple[str, ...]:
    """There is one."""
    return ("eager",)


def start(name: str, threads: int) -> None:
    """Its threads are those of its BLAS, which the process's environment says before it is imported."""


def facts() -> dict[str, str]:
    """What it says of itself."""
    return {"version": np.__version__, "device": "cpu", "layout": "NCHW", "precision": "float32"}


def to_array(tensor: Any) -> Array:
    """It is one."""
    return np.asarray(tensor)


def from_array(array: Array) -> Any:
    """A copy."""
    return array.copy()


def wait(answer: Any) -> None:
    """An answer is there when it is given."""


def of_plain(name: str, point: Point) -> Step:
    """A step that is written in `plain.py`."""
    held, give = holding(lambda given: {name: from_array(array) for name, array in given.items()})
    return Step(give, lambda: plain.ALIKE[name](held["it"], point), to_array)


def elementwise_chain(how: str, point: Point) -> Step:
    """Eight operations per element."""
    return of_plain("elementwise_chain", point)


def matmul(how: str, point: Point) -> Step:
    """A product of matrices."""
    return of_plain("matmul", point)


def conv2d(how: str, point: Point) -> Step:
    """A padded convolution, as a product of unrolled windows."""
    return of_plain("conv2d", point)


def softmax(how: str, point: Point) -> Step:
    """Of each row."""
    return of_plain("softmax", point)


def mlp_gradient(how: str, point: Point) -> Step:
    """The gradients of two layers, by hand."""
    return of_plain("mlp_gradient", point)


def linear_regression_loop(how: str, point: Point) -> Step:
    """The primer's loop, its gradient by hand."""
    return of_plain("linear_regression_loop", point)


def cnn_train_step(how: str, point: Point) -> Step:
    """A training step, its gradients by hand."""
    held, give = holding(lambda given: (plain.Cnn(given, point), given["x"].copy(), given["y"].copy()))

    def run() -> Any:
        network, x, y = held["it"]
        return network.train(x, y)

    return Step(give, run, to_array)


def cnn_inference(how: str, point: Point) -> Step:
    """The network's answers for a batch."""
    held, give = holding(lambda given: (plain.Cnn(given, point), given["x"].copy()))

    def run() -> Any:
        network, x = held["it"]
        return network.forward(x)[0]

    return Step(give, run, to_array)


def input_pipeline(how: str, point: Point) -> Step:
    """All samples at once: it has no loader."""
    return of_plain("input_pipeline", point)
