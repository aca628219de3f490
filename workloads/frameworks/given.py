"""The numbers that every framework is given for a step: weights, batches and order, drawn by NumPy from a seed.

Images are [N, C, H, W] and weights as PyTorch has them; each framework's file turns them into its own layout.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from workloads.frameworks.protocol import Array, Given, Point

HIDDEN, CLASSES, FEATURES = 256, 10, 128
CONVOLUTIONS = ((32, 1, 3, 3), (64, 32, 3, 3))
FLAT = {"padded": 64 * 7 * 7, "unpadded": 64 * 12 * 12}  # numbers per image that come to the first linear layer
SAMPLES, LOADED = 5, 64  # of the regression, and of a batch that is loaded
ROW = 1024
RATE, MOMENTUM, LINE_RATE = 0.01, 0.9, 0.01
MEAN, DEVIATION = 0.1307, 0.3081  # of the digits, which the primer's transform takes off


def randn(dice: np.random.Generator, *shape: int) -> Array:
    """Standard normal numbers."""
    return dice.standard_normal(shape, dtype=np.float32)


def layer(dice: np.random.Generator, *shape: int) -> tuple[Array, Array]:
    """Weights and biases as nn.Linear and nn.Conv2d start with: uniform, within one over the root of the inputs."""
    most = 1 / math.sqrt(math.prod(shape[1:]))
    return (dice.uniform(-most, most, shape).astype(np.float32), dice.uniform(-most, most, shape[0]).astype(np.float32))


def layers(dice: np.random.Generator, shapes: dict[str, tuple[int, ...]]) -> dict[str, Array]:
    """The weights and biases of some layers, by name."""
    found: dict[str, Array] = {}
    for name, shape in shapes.items():
        found[f"{name}.w"], found[f"{name}.b"] = layer(dice, *shape)
    return found


def labels(dice: np.random.Generator, count: int) -> Array:
    """A class for each sample."""
    return dice.integers(CLASSES, size=count, dtype=np.int32)


def of_vector(dice: np.random.Generator, point: Point) -> Given:
    """x [size]."""
    return {"x": randn(dice, point["size"])}


def of_product(dice: np.random.Generator, point: Point) -> Given:
    """Two square matrices."""
    return {"a": randn(dice, point["size"], point["size"]), "b": randn(dice, point["size"], point["size"])}


def of_convolution(dice: np.random.Generator, point: Point) -> Given:
    """Images of 16 channels, and 32 filters of 3x3."""
    return {"x": randn(dice, point["batch"], 16, 32, 32), "w": randn(dice, 32, 16, 3, 3)}


def of_rows(dice: np.random.Generator, point: Point) -> Given:
    """Rows of so many numbers."""
    return {"x": randn(dice, point["rows"], ROW)}


def of_mlp(dice: np.random.Generator, point: Point) -> Given:
    """Two layers, a batch and its labels."""
    weights = layers(dice, {"fc1": (HIDDEN, FEATURES), "fc2": (CLASSES, HIDDEN)})
    return {**weights, "x": randn(dice, point["batch"], FEATURES), "y": labels(dice, point["batch"])}


def of_line(dice: np.random.Generator, point: Point) -> Given:
    """x = 1..5, y = s x with a slope near 2, a start, and the order of every epoch."""
    x = np.arange(1, SAMPLES + 1, dtype=np.float32)[:, None]
    order = np.stack([dice.permutation(SAMPLES) for _ in range(point["epochs"])]).astype(np.int32)
    start = layers(dice, {"fc": (1, 1)})
    return {**start, "x": x, "y": (x * dice.uniform(1.5, 2.5)).astype(np.float32), "order": order}


def of_cnn(dice: np.random.Generator, point: Point) -> Given:
    """A network, a batch of images and its labels."""
    shapes = {"conv1": CONVOLUTIONS[0], "conv2": CONVOLUTIONS[1], "fc1": (128, FLAT[point["model"]]), "fc2": (10, 128)}
    weights = layers(dice, shapes)
    return {**weights, "x": randn(dice, point["batch"], 1, 28, 28), "y": labels(dice, point["batch"])}


def of_loading(dice: np.random.Generator, point: Point) -> Given:
    """Images as bytes, and their labels."""
    images = dice.integers(256, size=(point["samples"], 28, 28), dtype=np.uint8)
    return {"x": images, "y": labels(dice, point["samples"])}


DRAWN: dict[str, Callable[[np.random.Generator, Point], Given]] = {
    "elementwise_chain": of_vector, "matmul": of_product, "conv2d": of_convolution, "softmax": of_rows,
    "mlp_gradient": of_mlp, "linear_regression_loop": of_line, "cnn_train_step": of_cnn, "cnn_inference": of_cnn,
    "input_pipeline": of_loading,
}  # fmt: skip


def given(workload: str, point: Point, seed: int) -> Given:
    """What a step of the workload reads; of one seed everywhere the same."""
    return DRAWN[workload](np.random.default_rng(seed), point)


def items(workload: str, point: Point) -> int:
    """How many items a step processes, in the unit that the workload names."""
    size = int(next(point[axis] for axis in ("size", "batch", "rows", "epochs", "samples") if axis in point))
    each = {"matmul": size, "softmax": ROW, "linear_regression_loop": SAMPLES}
    return size * each.get(workload, 1)
