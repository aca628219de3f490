"""Every step in plain NumPy, in the precision of what it is given: in float64 it is what is right.

Convolutions are products of unrolled windows. What is said here of a layout or an order is what `Step.read` answers in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workloads.frameworks.given import DEVIATION, LINE_RATE, LOADED, MEAN, MOMENTUM, RATE
from workloads.frameworks.protocol import Array, Given, Point

BATCH = 2  # of the regression


def elementwise_chain(given: Given, point: Point) -> Array:
    """Eight operations per element, as `tensor_ops.elementwise_chain` has them."""
    x = given["x"]
    return np.minimum(np.maximum(np.tanh(x * 1.5 + 0.5) * x - 0.25, 0.0), 4.0) * 0.5


def matmul(given: Given, point: Point) -> Array:
    """a b."""
    return given["a"] @ given["b"]


def windows(x: Array) -> Array:
    """All 3x3 windows of images [N, C, H, W] as [N, H - 2, W - 2, C, 3, 3]."""
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3)).transpose(0, 2, 3, 1, 4, 5)


def convolved(x: Array, w: Array, b: Array | None = None) -> Array:
    """Images [N, C, H, W] under filters [F, C, 3, 3], without padding."""
    found = np.tensordot(windows(x), w, ((3, 4, 5), (1, 2, 3)))
    return (found if b is None else found + b).transpose(0, 3, 1, 2)


def padded(x: Array) -> Array:
    """Images with a border of zeros."""
    return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))


def conv2d(given: Given, point: Point) -> Array:
    """Padded images under filters."""
    return convolved(padded(given["x"]), given["w"])


def softmax(given: Given, point: Point) -> Array:
    """Of each row."""
    return np.exp(log_softmax(given["x"]))


def log_softmax(x: Array) -> Array:
    """Of each row, its logarithm."""
    less = x - x.max(1, keepdims=True)
    return np.asarray(less - np.log(np.exp(less).sum(1, keepdims=True)))


def cross_entropy(logits: Array, y: Array) -> tuple[Array, Array]:
    """The mean loss of a batch, and its gradient by the logits."""
    logs, rows = log_softmax(logits), np.arange(len(y))
    slope = np.exp(logs)
    slope[rows, y] -= 1
    return -logs[rows, y].mean(), slope / len(y)


def mlp_gradient(given: Given, point: Point) -> Array:
    """The gradients of both layers' weights and biases, one after the other."""
    hidden = np.maximum(given["x"] @ given["fc1.w"].T + given["fc1.b"], 0)
    _, slope = cross_entropy(hidden @ given["fc2.w"].T + given["fc2.b"], given["y"])
    back = (slope @ given["fc2.w"]) * (hidden > 0)
    found = (back.T @ given["x"], back.sum(0), slope.T @ hidden, slope.sum(0))
    return np.concatenate([part.ravel() for part in found])


def linear_regression_loop(given: Given, point: Point) -> Array:
    """[weight, bias] after the whole loop."""
    w, b = given["fc.w"].copy(), given["fc.b"].copy()
    for order in given["order"]:
        for first in range(0, len(order), BATCH):
            own = order[first : first + BATCH]
            x = given["x"][own]
            slope = 2 * (x @ w.T + b - given["y"][own]) / len(own)
            w, b = w - LINE_RATE * (slope.T @ x), b - LINE_RATE * slope.sum(0)
    return np.concatenate([w.ravel(), b])


def pooled(x: Array) -> tuple[Array, Array]:
    """The largest of every 2x2, and where it was: both halves of the way back."""
    n, c, h, w = x.shape
    parts = x.reshape(n, c, h // 2, 2, w // 2, 2)
    most = parts.max((3, 5), keepdims=True)
    return most.reshape(n, c, h // 2, w // 2), (parts == most)


def unpooled(slope: Array, where: Array) -> Array:
    """The gradient by what was pooled. Where zeros tie it is of no use: the ReLU before them lets nothing through."""
    n, c, h, _, w, _ = where.shape
    return (slope.reshape(n, c, h, 1, w, 1) * where).reshape(n, c, 2 * h, 2 * w)


def back_through(x: Array, w: Array, slope: Array) -> tuple[Array, Array, Array]:
    """The gradients of a convolution without padding by its filters, biases and images."""
    rows = slope.transpose(0, 2, 3, 1)
    by_w = np.tensordot(rows, windows(x), ((0, 1, 2), (0, 1, 2)))
    wide = np.pad(slope, ((0, 0), (0, 0), (2, 2), (2, 2)))
    return by_w, rows.sum((0, 1, 2)), convolved(wide, w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))


class Cnn:
    """One of the primer's networks; the second without its dropout, whose masks no two frameworks draw alike."""

    def __init__(self, given: Given, point: Point) -> None:
        self.is_padded = point["model"] == "padded"
        self.weights = {name: array.copy() for name, array in given.items() if "." in name}
        self.speed = {name: np.zeros_like(array) for name, array in self.weights.items()}

    def forward(self, x: Array) -> tuple[Array, tuple[Any, ...]]:
        """The answer [N, 10], and what the way back needs."""
        w, edge = self.weights, padded if self.is_padded else np.asarray
        first = edge(x)
        one = np.maximum(convolved(first, w["conv1.w"], w["conv1.b"]), 0)
        small, at_one = pooled(one) if self.is_padded else (one, None)
        second = edge(small)
        two = np.maximum(convolved(second, w["conv2.w"], w["conv2.b"]), 0)
        last, at_two = pooled(two)
        flat = last.reshape(len(x), -1)
        hidden = np.maximum(flat @ w["fc1.w"].T + w["fc1.b"], 0)
        answer = hidden @ w["fc2.w"].T + w["fc2.b"]
        seen = (first, one, at_one, second, two, last.shape, at_two, flat, hidden)
        return (answer if self.is_padded else log_softmax(answer)), seen

    def train(self, x: Array, y: Array) -> Array:
        """One step of SGD with momentum; gives the loss."""
        answer, (first, one, at_one, second, two, shape, at_two, flat, hidden) = self.forward(x)
        loss, slope = cross_entropy(answer, y)  # of log-probabilities it is the same as of what they are made of
        w = self.weights
        by = {"fc2.w": slope.T @ hidden, "fc2.b": slope.sum(0)}
        back = (slope @ w["fc2.w"]) * (hidden > 0)
        by |= {"fc1.w": back.T @ flat, "fc1.b": back.sum(0)}
        back = unpooled((back @ w["fc1.w"]).reshape(shape), at_two) * (two > 0)
        by["conv2.w"], by["conv2.b"], back = back_through(second, w["conv2.w"], back)
        if self.is_padded:
            back = unpooled(back[:, :, 1:-1, 1:-1], at_one)
        by["conv1.w"], by["conv1.b"], _ = back_through(first, w["conv1.w"], back * (one > 0))
        for name, gradient in by.items():
            self.speed[name] = MOMENTUM * self.speed[name] + gradient
            w[name] = w[name] - RATE * self.speed[name]
        return loss


def cnn_inference(given: Given, point: Point) -> Array:
    """The network's answers [N, 10]."""
    return Cnn(given, point).forward(given["x"])[0]


def input_pipeline(given: Given, point: Point) -> Array:
    """Of each batch the mean of its images' means times their labels."""
    x = given["x"].astype(np.float32) if given["x"].dtype == np.uint8 else given["x"]
    means = ((x / 255 - MEAN) / DEVIATION).mean((1, 2))
    each = means * given["y"].astype(x.dtype)
    return np.stack([each[first : first + LOADED].mean() for first in range(0, len(each), LOADED)])


ALIKE: dict[str, Callable[[Given, Point], Array]] = {
    found.__name__: found
    for found in (
        elementwise_chain, matmul, conv2d, softmax, mlp_gradient, linear_regression_loop, cnn_inference, input_pipeline,
    )
}  # fmt: skip


def answers(workload: str, given: Given, point: Point, count: int) -> Sequence[Array]:
    """The first `count` answers, in float64."""
    exact = {name: array if name in ("y", "order") and array.dtype.kind == "i" else array.astype(np.float64)
             for name, array in given.items()}  # fmt: skip
    if workload == "cnn_train_step":
        network = Cnn(exact, point)
        return [np.asarray(network.train(exact["x"], exact["y"])) for _ in range(count)]
    return [ALIKE[workload](exact, point)] * count
