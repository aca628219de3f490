"""The steps of `frameworks.*`: what NumPy computes by hand is right, and every framework that is installed agrees."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bench.frameworks.process import FILES
from bench.frameworks.side_by_side import Frameworks
from bench.measure.task import Task
from bench.records.record import Case
from workloads.base import Workload, load_suite
from workloads.frameworks.by_hand import ALIKE, answers
from workloads.frameworks.given import DRAWN, MOMENTUM, RATE, given, items
from workloads.frameworks.protocol import in_order, not_installed

OWN = {name: workload for name, workload in load_suite().items() if name.startswith("frameworks.")}
SMALL = {"size": 64, "batch": 2, "rows": 4, "epochs": 2, "samples": 128}
NEEDS = {"keras-torch": "keras", "keras-tensorflow": "keras", "keras-jax": "keras", "numpy": "json"}


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array, dtype=torch.int64 if array.dtype.kind == "i" else torch.float64)


def logits(weights: dict[str, torch.Tensor], x: torch.Tensor, model: str) -> torch.Tensor:
    """The primer's networks in torch, without dropout."""
    edge = 1 if model == "padded" else 0
    x = F.relu(F.conv2d(x, weights["conv1.w"], weights["conv1.b"], padding=edge))
    x = F.max_pool2d(x, 2) if model == "padded" else x
    x = F.max_pool2d(F.relu(F.conv2d(x, weights["conv2.w"], weights["conv2.b"], padding=edge)), 2).flatten(1)
    x = F.linear(F.relu(F.linear(x, weights["fc1.w"], weights["fc1.b"])), weights["fc2.w"], weights["fc2.b"])
    return x if model == "padded" else F.log_softmax(x, 1)


@pytest.mark.parametrize("model", ["padded", "unpadded"])
def test_the_networks_by_hand_are_those_of_torch(model: str) -> None:
    point = {"model": model, "batch": 3}
    drawn = given("cnn_train_step", point, 7)
    weights = {name: tensor(array).requires_grad_() for name, array in drawn.items() if "." in name}
    x, y = tensor(drawn["x"]), tensor(drawn["y"])
    (answer, *_) = answers("cnn_inference", drawn, point, 3)
    assert np.allclose(answer, logits(weights, x, model).detach(), rtol=1e-10)
    optimizer = torch.optim.SGD(weights.values(), lr=RATE, momentum=MOMENTUM)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = F.cross_entropy(logits(weights, x, model), y)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.allclose(answers("cnn_train_step", drawn, point, 4), losses, rtol=1e-10)


def test_the_gradient_by_hand_is_that_of_autograd() -> None:
    drawn = given("mlp_gradient", {"batch": 5}, 7)
    weights = {name: tensor(array).requires_grad_() for name, array in drawn.items() if "." in name}
    hidden = F.relu(F.linear(tensor(drawn["x"]), weights["fc1.w"], weights["fc1.b"]))
    F.cross_entropy(F.linear(hidden, weights["fc2.w"], weights["fc2.b"]), tensor(drawn["y"])).backward()
    slopes = [weights[name].grad for name in ("fc1.w", "fc1.b", "fc2.w", "fc2.b")]
    right = np.concatenate([slope.numpy().ravel() for slope in slopes if slope is not None])
    (answer, *_) = answers("mlp_gradient", drawn, {"batch": 5}, 1)
    assert np.allclose(answer, right, rtol=1e-10)


def test_other_layouts_have_the_same_numbers() -> None:
    drawn = given("cnn_inference", {"model": "padded", "batch": 1}, 0)
    flat = in_order(drawn, "conv1", "conv2", "fc1")[4]
    assert flat[(3 * 7 + 5) * 64 + 11, 9] == drawn["fc1.w"][9, 11 * 49 + 3 * 7 + 5]


def test_a_seed_gives_everybody_the_same_and_another_seed_something_else() -> None:
    for name in DRAWN:
        point = {**SMALL, "model": "padded"}
        first, again, other = given(name, point, 0), given(name, point, 0), given(name, point, 1)
        assert all(np.array_equal(first[key], again[key]) for key in first)
        assert any(not np.array_equal(first[key], other[key]) for key in first)
        assert items(name, {axis: value for axis, value in point.items() if axis in ("batch", "model")}) >= 2


def test_there_are_ten_steps_in_four_frameworks_or_more() -> None:
    assert {name.partition(".")[2] for name in OWN} == {*ALIKE, "cnn_train_step"} == set(DRAWN)
    steps: dict[tuple[object, ...], set[object]] = {}
    for workload in OWN.values():
        for point in workload.points:
            rest = tuple(value for axis, value in point.items() if axis not in ("framework", "how"))
            steps.setdefault((workload.name, *rest), set()).add(point["framework"])
    assert sum(len(frameworks) >= 4 for frameworks in steps.values()) >= 10
    assert {framework for frameworks in steps.values() for framework in frameworks} == set(FILES)


@pytest.fixture(scope="module")
def frameworks() -> Iterator[Frameworks]:
    found = Frameworks(timeout_s=120.0)
    yield found
    found.close()


@pytest.mark.parametrize("framework", FILES)
@pytest.mark.parametrize("workload", OWN.values(), ids=lambda workload: workload.name)
def test_every_framework_that_is_installed_agrees(frameworks: Frameworks, workload: Workload, framework: str) -> None:
    """Each as its users have it; torch.compile's and XLA's programs are made in the first way that compiles alone."""
    if reason := not_installed(*{NEEDS.get(framework, framework), framework.rpartition("-")[2]} - {"numpy"}):
        pytest.skip(reason)
    points = [{**point, **{axis: SMALL[axis] for axis in SMALL if axis in point}} for point in workload.points]
    own = [point for point in points if point["framework"] == framework and point["how"] != "compile"]
    if not own:
        pytest.skip(f"{framework} has no {workload.name}")
    for model in {point.get("model") for point in own}:
        cases = [Case(workload.name, 1, tuple(point.items()), "cpu", "float32", "eager", 1)
                 for point in own if point.get("model") == model]  # fmt: skip
        records = frameworks.measured([Task(case, "time") for case in cases])
        said = [record.reason for record in records if record.status != "measured"]
        assert said == []
