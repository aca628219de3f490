"""Steps as users of JAX write them: operation by operation, and under jax.jit. Images are [N, H, W, C]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workloads.frameworks.by_hand import BATCH
from workloads.frameworks.given import LINE_RATE, MOMENTUM, RATE
from workloads.frameworks.protocol import Array, Given, Point, Step, channels_last, holding, in_order, not_installed

jax: Any = None
jnp: Any = None
LAYOUT = ("NHWC", "HWIO", "NHWC")


def unavailable(name: str) -> str:
    """Why there is no JAX here."""
    return not_installed("jax")


def allowed(name: str) -> set[str]:
    """Itself alone."""
    return {"jax"}


def ways(name: str) -> tuple[str, ...]:
    """Operation by operation, or as a whole."""
    return ("eager", "jit")


def start(name: str, threads: int) -> None:
    """Import it. It computes in the thread that asks, as the others do, and float32 in float32."""
    global jax, jnp
    import jax as imported  # noqa: PLC0415
    import jax.numpy as numbers  # noqa: PLC0415

    jax, jnp = imported, numbers
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    jax.config.update("jax_default_matmul_precision", "highest")


def facts() -> dict[str, str]:
    """What it says of itself."""
    return {
        "version": jax.__version__, "device": jax.devices()[0].platform, "layout": "NHWC",
        "precision": "float32" if jax.config.jax_default_matmul_precision == "highest" else "less than float32",
    }  # fmt: skip


def to_array(tensor: Any) -> Array:
    """A tensor's numbers."""
    return np.asarray(tensor)


def from_array(array: Array) -> Any:
    """A tensor of its own of these numbers."""
    return jnp.array(array).block_until_ready()


def wait(answer: Any) -> None:
    """Wait until all of an answer is there."""
    jax.block_until_ready(answer)


def wrapped(how: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as it is, or compiled."""
    compiled: Callable[..., Any] = jax.jit(function) if how == "jit" else function
    return compiled


def of_function(how: str, function: Callable[..., Any], *names: str) -> Step:
    """A step that applies a function to what is given by these names."""
    held, give = holding(lambda given: [from_array(given[name]) for name in names])
    called = wrapped(how, function)
    return Step(give, lambda: called(*held["it"]), to_array)


def elementwise_chain(how: str, point: Point) -> Step:
    """Eight operations per element."""
    return of_function(how, lambda x: jnp.minimum(jax.nn.relu(jnp.tanh(x * 1.5 + 0.5) * x - 0.25), 4.0) * 0.5, "x")


def matmul(how: str, point: Point) -> Step:
    """A product of matrices."""
    return of_function(how, lambda a, b: a @ b, "a", "b")


def convolved(x: Any, w: Any, edge: str) -> Any:
    """Images under filters."""
    return jax.lax.conv_general_dilated(x, w, (1, 1), edge, dimension_numbers=LAYOUT)


def conv2d(how: str, point: Point) -> Step:
    """A padded convolution."""
    held, give = holding(lambda given: [from_array(part) for part in channels_last(given["x"], given["w"])])
    called = wrapped(how, lambda x, w: convolved(x, w, "SAME"))
    return Step(give, lambda: called(*held["it"]), lambda found: to_array(found).transpose(0, 3, 1, 2))


def softmax(how: str, point: Point) -> Step:
    """Of each row."""
    return of_function(how, lambda x: jax.nn.softmax(x, axis=1), "x")


def loss_of(logits: Any, labels: Any) -> Any:
    """The mean loss of a batch."""
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()


def taken(given: Given, *layers: str) -> tuple[list[Any], Any, Any]:
    """Weights, a batch and its labels."""
    x = channels_last(given["x"])[0] if given["x"].ndim == 4 else given["x"]
    return [from_array(array) for array in in_order(given, *layers)], from_array(x), from_array(given["y"])


def mlp_gradient(how: str, point: Point) -> Step:
    """The gradients of two layers."""

    def loss(weights: Any, x: Any, y: Any) -> Any:
        w1, b1, w2, b2 = weights
        return loss_of(jax.nn.relu(x @ w1 + b1) @ w2 + b2, y)

    held, give = holding(lambda given: taken(given, "fc1", "fc2"))
    called = wrapped(how, jax.grad(loss))
    return Step(give, lambda: called(*held["it"]), lambda found: np.concatenate([to_array(g).T.ravel() for g in found]))


def linear_regression_loop(how: str, point: Point) -> Step:
    """The primer's loop over NumPy's batches, from the start in each step."""

    def loss(weights: Any, inputs: Any, targets: Any) -> Any:
        w, b = weights
        return jnp.mean((inputs @ w + b - targets) ** 2)

    def update(weights: Any, inputs: Any, targets: Any) -> Any:
        slopes = jax.grad(loss)(weights, inputs, targets)
        return [weight - LINE_RATE * slope for weight, slope in zip(weights, slopes, strict=True)]

    held, give = holding(lambda given: (given, [from_array(array) for array in in_order(given, "fc")]))
    called = wrapped(how, update)

    def run() -> Any:
        given, weights = held["it"]
        for order in given["order"]:
            for first in range(0, len(order), BATCH):
                own = order[first : first + BATCH]
                weights = called(weights, given["x"][own], given["y"][own])
        return weights

    return Step(give, run, lambda found: np.concatenate([to_array(part).ravel() for part in found]))


def pooled(x: Any) -> Any:
    """The largest of every 2x2."""
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def forward(weights: list[Any], x: Any, is_padded: bool) -> Any:
    """One of the primer's networks, without dropout."""
    c1, d1, c2, d2, w1, b1, w2, b2 = weights
    edge = "SAME" if is_padded else "VALID"
    x = jax.nn.relu(convolved(x, c1, edge) + d1)
    x = pooled(x) if is_padded else x
    x = pooled(jax.nn.relu(convolved(x, c2, edge) + d2))
    x = jax.nn.relu(x.reshape(len(x), -1) @ w1 + b1) @ w2 + b2
    return x if is_padded else jax.nn.log_softmax(x)


def cnn_train_step(how: str, point: Point) -> Step:
    """A training step of SGD with momentum; answers with the loss."""
    is_padded = point["model"] == "padded"

    def train(weights: Any, speeds: Any, x: Any, y: Any) -> Any:
        loss, slopes = jax.value_and_grad(lambda own: loss_of(forward(own, x, is_padded), y))(weights)
        speeds = [MOMENTUM * speed + slope for speed, slope in zip(speeds, slopes, strict=True)]
        return loss, [weight - RATE * speed for weight, speed in zip(weights, speeds, strict=True)], speeds

    def take(given: Given) -> list[Any]:
        weights, x, y = taken(given, "conv1", "conv2", "fc1", "fc2")
        return [weights, [jnp.zeros_like(weight) for weight in weights], x, y]

    held, give = holding(take)
    called = wrapped(how, train)

    def run() -> Any:
        loss, held["it"][0], held["it"][1] = called(*held["it"])
        return loss

    return Step(give, run, to_array)


def cnn_inference(how: str, point: Point) -> Step:
    """The network's answers for a batch."""
    is_padded = point["model"] == "padded"
    held, give = holding(lambda given: taken(given, "conv1", "conv2", "fc1", "fc2")[:2])
    called = wrapped(how, lambda weights, x: forward(weights, x, is_padded))
    return Step(give, lambda: called(*held["it"]), to_array)
