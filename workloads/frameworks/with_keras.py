"""Steps as users of Keras write them, on each of its backends: compile, train_on_batch, predict_on_batch.

Images are [N, H, W, C]. What it gives back are NumPy's arrays: so it is used, and that is part of its steps.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from workloads.frameworks.by_hand import BATCH
from workloads.frameworks.given import LINE_RATE, MOMENTUM, RATE
from workloads.frameworks.protocol import Array, Given, Point, Step, channels_last, holding, in_order, not_installed

keras: Any = None


def backend(name: str) -> str:
    """keras-torch's is torch."""
    return name.partition("-")[2]


def unavailable(name: str) -> str:
    """Why there is no Keras on this backend here."""
    return not_installed("keras", backend(name))


def allowed(name: str) -> set[str]:
    """Itself and its backend."""
    return {"keras", backend(name)}


def ways(name: str) -> tuple[str, ...]:
    """As `compile` leaves it: with XLA where the backend has it."""
    return ("compiled",)


def start(name: str, threads: int) -> None:
    """Import it with its backend, which is set up as it is by itself."""
    global keras
    os.environ["KERAS_BACKEND"] = backend(name)
    from importlib import import_module  # noqa: PLC0415

    import_module(f"workloads.frameworks.with_{backend(name)}").start(name, threads)
    import keras as imported  # noqa: PLC0415

    keras = imported
    keras.config.set_floatx("float32")


def facts() -> dict[str, str]:
    """What it says of itself."""
    return {
        "version": keras.__version__, "backend": keras.backend.backend(), "device": "cpu",
        "layout": "NHWC" if keras.config.image_data_format() == "channels_last" else "NCHW",
        "precision": keras.config.dtype_policy().name, "answers": "NumPy's",
    }  # fmt: skip


def to_array(tensor: Any) -> Array:
    """A tensor's numbers."""
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def from_array(array: Array) -> Any:
    """A tensor of its own of these numbers."""
    return keras.ops.convert_to_tensor(array)


def wait(answer: Any) -> None:
    """NumPy's arrays are there."""


def compiled(model: Any, rate: float, momentum: float, loss: Any) -> Any:
    """The model, ready to be trained."""
    model.compile(optimizer=keras.optimizers.SGD(rate, momentum), loss=loss)
    model.optimizer.build(model.trainable_variables)
    return model


def restart(model: Any, arrays: list[Array]) -> None:
    """Have the model and its optimizer begin from these weights."""
    model.set_weights(arrays)
    for speed in getattr(getattr(model, "optimizer", None), "momentums", ()):
        speed.assign(keras.ops.zeros(speed.shape))


def linear_regression_loop(how: str, point: Point) -> Step:
    """The primer's loop over NumPy's batches, from the start in each step."""
    model = compiled(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]), LINE_RATE, 0.0, "mse")
    held, give = holding(lambda given: given)

    def run() -> Any:
        given = held["it"]
        restart(model, in_order(given, "fc"))
        for order in given["order"]:
            for first in range(0, len(order), BATCH):
                own = order[first : first + BATCH]
                model.train_on_batch(given["x"][own], given["y"][own])
        return model.get_weights()

    return Step(give, run, lambda found: np.concatenate([part.ravel() for part in found]))


def network(point: Point) -> Any:
    """One of the primer's networks, without dropout."""
    layers, is_padded = keras.layers, point["model"] == "padded"
    edge, between = ("same", [layers.MaxPooling2D(2)]) if is_padded else ("valid", [])
    return keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(32, 3, padding=edge, activation="relu"), *between,
        layers.Conv2D(64, 3, padding=edge, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(),
        layers.Dense(128, activation="relu"), layers.Dense(10, activation=None if is_padded else "log_softmax"),
    ])  # fmt: skip


def ready(model: Any, given: Given) -> tuple[Any, Any]:
    """The batch and its labels, after the model took its weights."""
    restart(model, in_order(given, "conv1", "conv2", "fc1", "fc2"))
    return from_array(*channels_last(given["x"])), from_array(given["y"])


def cnn_train_step(how: str, point: Point) -> Step:
    """A training step of SGD with momentum; answers with the loss."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = compiled(network(point), RATE, MOMENTUM, loss)
    held, give = holding(lambda given: ready(model, given))

    return Step(give, lambda: model.train_on_batch(*held["it"]), np.asarray)


def cnn_inference(how: str, point: Point) -> Step:
    """The network's answers for a batch."""
    model = network(point)
    held, give = holding(lambda given: ready(model, given)[0])
    return Step(give, lambda: model.predict_on_batch(held["it"]), np.asarray)
