"""Steps as users of PyTorch write them: eager, and with torch.compile. Images are [N, C, H, W]."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from workloads.frameworks.by_hand import BATCH
from workloads.frameworks.given import DEVIATION, LINE_RATE, LOADED, MEAN, MOMENTUM, RATE
from workloads.frameworks.protocol import Array, Given, Point, Step, holding, not_installed

torch: Any = None


def unavailable(name: str) -> str:
    """Why there is no PyTorch here."""
    return not_installed("torch")


def allowed(name: str) -> set[str]:
    """Itself alone."""
    return {"torch"}


def ways(name: str) -> tuple[str, ...]:
    """As it is, or compiled."""
    return ("eager", "compile")


def start(name: str, threads: int) -> None:
    """Import it; float32 is computed in float32, which is what it does by itself."""
    global torch
    import torch as imported  # noqa: PLC0415

    torch = imported
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("highest")


def facts() -> dict[str, str]:
    """What it says of itself."""
    return {
        "version": torch.__version__, "device": "cpu", "layout": "NCHW", "threads": str(torch.get_num_threads()),
        "precision": "float32" if torch.get_float32_matmul_precision() == "highest" else "less than float32",
    }  # fmt: skip


def to_array(tensor: Any) -> Array:
    """A tensor's numbers."""
    return np.asarray(tensor.detach().numpy())


def from_array(array: Array) -> Any:
    """A tensor of its own of these numbers; labels are int64, as its losses want them."""
    return torch.tensor(array, dtype=torch.int64 if array.dtype == np.int32 else None)


def wait(answer: Any) -> None:
    """On the CPU an answer is there when it is given."""


def wrapped(how: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as it is, or compiled."""
    compiled: Callable[..., Any] = torch.compile(function) if how == "compile" else function
    return compiled


def tensors(given: Given) -> dict[str, Any]:
    """All that is given."""
    return {name: from_array(array) for name, array in given.items()}


def of_function(how: str, function: Callable[..., Any], *names: str) -> Step:
    """A step that applies a function to what is given by these names."""
    held, give = holding(lambda given: [from_array(given[name]) for name in names])
    called = wrapped(how, function)
    return Step(give, lambda: called(*held["it"]), to_array)


def elementwise_chain(how: str, point: Point) -> Step:
    """Eight operations per element."""
    return of_function(how, lambda x: torch.relu(torch.tanh(x * 1.5 + 0.5) * x - 0.25).clamp(max=4.0) * 0.5, "x")


def matmul(how: str, point: Point) -> Step:
    """A product of matrices."""
    return of_function(how, lambda a, b: a @ b, "a", "b")


def conv2d(how: str, point: Point) -> Step:
    """A padded convolution."""
    return of_function(how, lambda x, w: torch.nn.functional.conv2d(x, w, padding=1), "x", "w")


def softmax(how: str, point: Point) -> Step:
    """Of each row."""
    return of_function(how, lambda x: torch.softmax(x, dim=1), "x")


def fill(module: Any, given: Given, names: dict[str, str]) -> None:
    """Copy what is given into a module, in place; names: of its layers, by those of what is given."""
    with torch.no_grad():
        for name, own in names.items():
            layer = module.get_submodule(own)
            layer.weight.copy_(torch.tensor(given[f"{name}.w"]))
            layer.bias.copy_(torch.tensor(given[f"{name}.b"]))


def mlp_gradient(how: str, point: Point) -> Step:
    """The gradients of two layers."""
    nn = torch.nn
    model = nn.Sequential(nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 10))
    called, loss_of = wrapped(how, model), nn.CrossEntropyLoss()

    def take(given: Given) -> tuple[Any, Any]:
        fill(model, given, {"fc1": "0", "fc2": "2"})
        return from_array(given["x"]), from_array(given["y"])

    held, give = holding(take)

    def run() -> Any:
        x, y = held["it"]
        model.zero_grad()
        loss_of(called(x), y).backward()
        return [weight.grad for weight in model.parameters()]

    return Step(give, run, lambda found: np.concatenate([to_array(part).ravel() for part in found]))


class InOrder:
    """A sampler that has an order for every epoch."""

    def __init__(self, order: Array) -> None:
        self.order = order
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        self.epoch += 1
        return iter(self.order[(self.epoch - 1) % len(self.order)].tolist())

    def __len__(self) -> int:
        return int(self.order.shape[1])


def linear_regression_loop(how: str, point: Point) -> Step:
    """The primer's loop, from the start in each step."""
    data, model = torch.utils.data, torch.nn.Linear(1, 1)
    called, loss_of = wrapped(how, model), torch.nn.MSELoss()

    def take(given: Given) -> tuple[Given, Any]:
        samples = data.TensorDataset(from_array(given["x"]), from_array(given["y"]))
        return given, data.DataLoader(samples, batch_size=BATCH, sampler=InOrder(given["order"]))

    held, give = holding(take)

    def run() -> Any:
        given, loader = held["it"]
        fill(model, given, {"fc": ""})
        optimizer = torch.optim.SGD(model.parameters(), lr=LINE_RATE)
        for _ in range(point["epochs"]):
            for inputs, targets in loader:
                loss = loss_of(called(inputs), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return torch.cat([model.weight.detach().flatten(), model.bias.detach()])

    return Step(give, run, to_array)


def network(point: Point) -> Any:
    """One of the primer's networks, without dropout."""
    nn, is_padded = torch.nn, point["model"] == "padded"
    edge, between = (1, [nn.MaxPool2d(2)]) if is_padded else (0, [])
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=edge), nn.ReLU(), *between, nn.Conv2d(32, 64, 3, padding=edge), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * (7 * 7 if is_padded else 12 * 12), 128), nn.ReLU(),
        nn.Linear(128, 10), *([] if is_padded else [nn.LogSoftmax(dim=1)]),
    )  # fmt: skip


def fill_network(model: Any, given: Given) -> None:
    """Likewise, of a network."""
    own = [str(number) for number, layer in enumerate(model) if hasattr(layer, "weight")]
    fill(model, given, dict(zip(("conv1", "conv2", "fc1", "fc2"), own, strict=True)))


def cnn_train_step(how: str, point: Point) -> Step:
    """A training step of SGD with momentum; answers with the loss."""
    model, loss_of = network(point), torch.nn.CrossEntropyLoss()
    called = wrapped(how, model)

    def take(given: Given) -> tuple[Any, ...]:
        fill_network(model, given)
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
        return optimizer, from_array(given["x"]), from_array(given["y"])

    held, give = holding(take)

    def run() -> Any:
        optimizer, x, y = held["it"]
        optimizer.zero_grad()
        loss = loss_of(called(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Step(give, run, to_array)


def cnn_inference(how: str, point: Point) -> Step:
    """The network's answers for a batch."""
    model = network(point).eval()
    called = wrapped(how, model)

    def take(given: Given) -> Any:
        fill_network(model, given)
        return from_array(given["x"])

    held, give = holding(take)

    def run() -> Any:
        with torch.inference_mode():
            return called(held["it"])

    return Step(give, run, to_array)


def input_pipeline(how: str, point: Point) -> Step:
    """A pass of a DataLoader without workers over samples that are brought to mean 0 one by one."""

    class Digits(torch.utils.data.Dataset):  # type: ignore[misc]
        def __init__(self, given: Given) -> None:
            self.images, self.labels = torch.tensor(given["x"]), from_array(given["y"])

        def __len__(self) -> int:
            return len(self.images)

        def __getitem__(self, number: int) -> tuple[Any, Any]:
            return (self.images[number].float() / 255 - MEAN) / DEVIATION, self.labels[number]

    held, give = holding(lambda given: torch.utils.data.DataLoader(Digits(given), batch_size=LOADED))

    def run() -> Any:
        return torch.stack([(images.mean(dim=(1, 2)) * labels).mean() for images, labels in held["it"]])

    return Step(give, run, to_array)
