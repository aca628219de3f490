"""Steps as users of TensorFlow write them: eager, as a tf.function, and as one for XLA. Images are [N, H, W, C]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workloads.frameworks.by_hand import BATCH
from workloads.frameworks.given import DEVIATION, LINE_RATE, LOADED, MEAN, MOMENTUM, RATE
from workloads.frameworks.protocol import Array, Given, Point, Step, channels_last, holding, in_order, not_installed

tf: Any = None
OPTIONS: dict[str, dict[str, bool]] = {"function": {"jit_compile": False}, "xla": {"jit_compile": True}}


def unavailable(name: str) -> str:
    """Why there is no TensorFlow here."""
    return not_installed("tensorflow")


def allowed(name: str) -> set[str]:
    """Itself, and Keras, which it brings."""
    return {"tensorflow", "keras"}


def ways(name: str) -> tuple[str, ...]:
    """As it is, or compiled by one of two."""
    return ("eager", *OPTIONS)


def start(name: str, threads: int) -> None:
    """Import it; both of its pools have so many threads, and float32 is computed in float32."""
    global tf
    import tensorflow as imported  # noqa: PLC0415

    tf = imported
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.experimental.enable_tensor_float_32_execution(False)


def facts() -> dict[str, str]:
    """What it says of itself."""
    rounds = tf.config.experimental.tensor_float_32_execution_enabled()
    return {
        "version": tf.__version__, "device": "cpu", "layout": "NHWC",
        "threads": str(tf.config.threading.get_intra_op_parallelism_threads()),
        "precision": "less than float32" if rounds else "float32",
    }  # fmt: skip


def to_array(tensor: Any) -> Array:
    """A tensor's numbers."""
    return np.asarray(tensor)


def from_array(array: Array) -> Any:
    """A tensor of its own of these numbers."""
    return tf.constant(array)


def wait(answer: Any) -> None:
    """On the CPU an answer is there when it is given."""


def wrapped(how: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as it is, or compiled."""
    compiled: Callable[..., Any] = tf.function(function, **OPTIONS[how]) if how in OPTIONS else function
    return compiled


def of_function(how: str, function: Callable[..., Any], *names: str) -> Step:
    """A step that applies a function to what is given by these names."""
    held, give = holding(lambda given: [from_array(given[name]) for name in names])
    called = wrapped(how, function)
    return Step(give, lambda: called(*held["it"]), to_array)


def elementwise_chain(how: str, point: Point) -> Step:
    """Eight operations per element."""
    return of_function(how, lambda x: tf.minimum(tf.nn.relu(tf.tanh(x * 1.5 + 0.5) * x - 0.25), 4.0) * 0.5, "x")


def matmul(how: str, point: Point) -> Step:
    """A product of matrices."""
    return of_function(how, lambda a, b: a @ b, "a", "b")


def conv2d(how: str, point: Point) -> Step:
    """A padded convolution."""
    held, give = holding(lambda given: [from_array(part) for part in channels_last(given["x"], given["w"])])
    called = wrapped(how, lambda x, w: tf.nn.conv2d(x, w, 1, "SAME"))
    return Step(give, lambda: called(*held["it"]), lambda found: to_array(found).transpose(0, 3, 1, 2))


def softmax(how: str, point: Point) -> Step:
    """Of each row."""
    return of_function(how, lambda x: tf.nn.softmax(x, axis=1), "x")


def loss_of(logits: Any, labels: Any) -> Any:
    """The mean loss of a batch."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


class Variables:
    """Weights that are there once, and take what is given."""

    def __init__(self) -> None:
        self.own: list[Any] = []

    def take(self, arrays: list[Array]) -> None:
        """Assign these numbers to them."""
        if not self.own:
            self.own = [tf.Variable(array) for array in arrays]
        for variable, array in zip(self.own, arrays, strict=True):
            variable.assign(array)


def mlp_gradient(how: str, point: Point) -> Step:
    """The gradients of two layers."""
    weights = Variables()

    def gradient(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            w1, b1, w2, b2 = weights.own
            loss = loss_of(tf.nn.relu(x @ w1 + b1) @ w2 + b2, y)
        return tape.gradient(loss, weights.own)

    def take(given: Given) -> tuple[Any, Any]:
        weights.take(in_order(given, "fc1", "fc2"))
        return from_array(given["x"]), from_array(given["y"])

    held, give = holding(take)
    called = wrapped(how, gradient)
    return Step(give, lambda: called(*held["it"]), lambda found: np.concatenate([to_array(g).T.ravel() for g in found]))


def linear_regression_loop(how: str, point: Point) -> Step:
    """The primer's loop over a tf.data.Dataset, from the start in each step."""
    weights = Variables()

    def update(inputs: Any, targets: Any) -> None:
        with tf.GradientTape() as tape:
            w, b = weights.own
            loss = tf.reduce_mean((inputs @ w + b - targets) ** 2)
        for weight, slope in zip(weights.own, tape.gradient(loss, weights.own), strict=True):
            weight.assign_sub(LINE_RATE * slope)

    def take(given: Given) -> tuple[list[Array], Any]:
        x, y = from_array(given["x"]), from_array(given["y"])
        epochs = tf.data.Dataset.from_tensor_slices(given["order"])
        start = in_order(given, "fc")
        weights.take(start)
        batches = epochs.flat_map(
            lambda own: tf.data.Dataset.from_tensor_slices((tf.gather(x, own), tf.gather(y, own))).batch(BATCH)
        )
        return start, batches

    held, give = holding(take)
    called = wrapped(how, update)

    def run() -> Any:
        start, batches = held["it"]
        weights.take(start)
        for inputs, targets in batches:
            called(inputs, targets)
        return tf.concat([tf.reshape(weights.own[0], [1]), weights.own[1]], 0)

    return Step(give, run, to_array)


def forward(weights: list[Any], x: Any, is_padded: bool) -> Any:
    """One of the primer's networks, without dropout."""
    c1, d1, c2, d2, w1, b1, w2, b2 = weights
    edge = "SAME" if is_padded else "VALID"
    x = tf.nn.relu(tf.nn.conv2d(x, c1, 1, edge) + d1)
    x = tf.nn.max_pool2d(x, 2, 2, "VALID") if is_padded else x
    x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, c2, 1, edge) + d2), 2, 2, "VALID")
    x = tf.nn.relu(tf.reshape(x, [x.shape[0], -1]) @ w1 + b1) @ w2 + b2
    return x if is_padded else tf.nn.log_softmax(x)


def cnn_train_step(how: str, point: Point) -> Step:
    """A training step of SGD with momentum; answers with the loss."""
    weights, speeds, is_padded = Variables(), Variables(), point["model"] == "padded"

    def train(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(forward(weights.own, x, is_padded), y)
        slopes = tape.gradient(loss, weights.own)
        for weight, speed, slope in zip(weights.own, speeds.own, slopes, strict=True):
            speed.assign(MOMENTUM * speed + slope)
            weight.assign_sub(RATE * speed)
        return loss

    def take(given: Given) -> tuple[Any, Any]:
        arrays = in_order(given, "conv1", "conv2", "fc1", "fc2")
        weights.take(arrays)
        speeds.take([np.zeros_like(array) for array in arrays])
        return from_array(*channels_last(given["x"])), from_array(given["y"])

    held, give = holding(take)
    called = wrapped(how, train)
    return Step(give, lambda: called(*held["it"]), to_array)


def cnn_inference(how: str, point: Point) -> Step:
    """The network's answers for a batch."""
    weights, is_padded = Variables(), point["model"] == "padded"

    def take(given: Given) -> Any:
        weights.take(in_order(given, "conv1", "conv2", "fc1", "fc2"))
        return from_array(*channels_last(given["x"]))

    held, give = holding(take)
    called = wrapped(how, lambda x: forward(weights.own, x, is_padded))
    return Step(give, lambda: called(held["it"]), to_array)


def input_pipeline(how: str, point: Point) -> Step:
    """A pass of a tf.data.Dataset, which maps in the thread that asks, over samples brought to mean 0 one by one."""

    def normal(image: Any, label: Any) -> tuple[Any, Any]:
        return (tf.cast(image, tf.float32) / 255 - MEAN) / DEVIATION, tf.cast(label, tf.float32)

    def take(given: Given) -> Any:
        options = tf.data.Options()
        options.autotune.enabled = options.experimental_optimization.inject_prefetch = False  # that is another thread
        samples = tf.data.Dataset.from_tensor_slices((given["x"], given["y"]))
        return samples.map(normal).batch(LOADED).with_options(options)

    held, give = holding(take)

    def run() -> Any:
        return tf.stack([tf.reduce_mean(tf.reduce_mean(images, axis=(1, 2)) * labels) for images, labels in held["it"]])

    return Step(give, run, to_array)
