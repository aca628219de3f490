"""Steps in NumPy alone, which has no gradients and no compiler: they are written out, in float32."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from workloads.frameworks import by_hand
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
    return {
        "version": np.__version__,
        "device": "cpu",
        "layout": "NCHW",
        "precision": "float32",
        "threads": os.environ.get("OPENBLAS_NUM_THREADS", ""),
    }


def to_array(tensor: Any) -> Array:
    """It is one."""
    return np.asarray(tensor)


def from_array(array: Array) -> Any:
    """A copy."""
    return array.copy()


def wait(answer: Any) -> None:
    """An answer is there when it is given."""


def of_hand(name: str, point: Point) -> Step:
    """A step that is written in `by_hand.py`."""
    held, give = holding(lambda given: {name: from_array(array) for name, array in given.items()})
    return Step(give, lambda: by_hand.ALIKE[name](held["it"], point), to_array)


def elementwise_chain(how: str, point: Point) -> Step:
    """Eight operations per element."""
    return of_hand("elementwise_chain", point)


def matmul(how: str, point: Point) -> Step:
    """A product of matrices."""
    return of_hand("matmul", point)


def conv2d(how: str, point: Point) -> Step:
    """A padded convolution, as a product of unrolled windows."""
    return of_hand("conv2d", point)


def softmax(how: str, point: Point) -> Step:
    """Of each row."""
    return of_hand("softmax", point)


def mlp_gradient(how: str, point: Point) -> Step:
    """The gradients of two layers, by hand."""
    return of_hand("mlp_gradient", point)


def linear_regression_loop(how: str, point: Point) -> Step:
    """The primer's loop, its gradient by hand."""
    return of_hand("linear_regression_loop", point)


def cnn_train_step(how: str, point: Point) -> Step:
    """A training step, its gradients by hand."""
    held, give = holding(lambda given: (by_hand.Cnn(given, point), given["x"].copy(), given["y"].copy()))

    def run() -> Any:
        network, x, y = held["it"]
        return network.train(x, y)

    return Step(give, run, to_array)


def cnn_inference(how: str, point: Point) -> Step:
    """The network's answers for a batch."""
    held, give = holding(lambda given: (by_hand.Cnn(given, point), given["x"].copy()))

    def run() -> Any:
        network, x = held["it"]
        return network.forward(x)[0]

    return Step(give, run, to_array)


def input_pipeline(how: str, point: Point) -> Step:
    """All samples at once: it has no loader."""
    return of_hand("input_pipeline", point)
