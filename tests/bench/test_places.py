"""From which lines a step calls its operators, and in which of Python's functions its time is."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from bench.counts.places import block_of_python, by_name, calls_by_place, middle, middle_of_each, shaped
from bench.records.record import BUILT_IN

CODE = """import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)

    def forward(self, x):
        return self.first(x).relu()

def trained(net, x):
    loss = net(x).square().sum()
    loss.backward()
    return loss

def slow():
    for _ in range(100_000):
        pass

def quick():
    return [number for number in range(3)]

def both():
    slow()
    quick()
    return torch.ones(3) + 1
"""


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    path = tmp_path / "own" / "m.py"
    path.parent.mkdir()
    path.write_text(CODE)
    spec = importlib.util.spec_from_file_location("m_of_test_places", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def places(run: Callable[[], object], root: Path) -> dict[str, set[tuple[str, tuple[str, ...]]]]:
    found: dict[str, set[tuple[str, tuple[str, ...]]]] = {}
    for operator, where, stack in calls_by_place(run, root):
        found.setdefault(operator, set()).add((where, stack))
    return found


def test_an_operator_has_its_module_and_the_lines_of_the_measured_code(module: ModuleType, tmp_path: Path) -> None:
    net, x = module.Net(), torch.ones(2, 4)
    found = places(lambda: net(x), tmp_path)
    assert found["aten::relu 2x4"] == {("Net", ("own/m.py:10 forward",))}
    assert found["aten::addmm 4 2x4 4x4"] == {("first", ("own/m.py:10 forward",))}
    assert not any(__file__ in line for found_at in found.values() for _, stack in found_at for line in stack)


def test_a_backward_has_the_lines_of_its_forward(module: ModuleType, tmp_path: Path) -> None:
    net, x = module.Net(), torch.ones(2, 4)
    found = places(lambda: module.trained(net, x), tmp_path)
    assert ("", ("own/m.py:10 forward", "own/m.py:13 trained")) in found["aten::threshold_backward 2x4 2x4"]
    assert not torch.is_anomaly_enabled()


def test_what_is_counted_twice_is_called_twice(module: ModuleType, tmp_path: Path) -> None:
    x = torch.ones(3)
    found = calls_by_place(lambda: x.exp().exp(), tmp_path)
    assert found == {("aten::exp 3", "", ()): 2}


def test_anomaly_detection_is_off_again_after_a_step_that_raises(tmp_path: Path) -> None:
    def run() -> None:
        raise ValueError("planted")

    with pytest.raises(ValueError, match="planted"):
        calls_by_place(run, tmp_path)
    assert not torch.is_anomaly_enabled()


def test_functions_have_their_own_time_and_built_in_ones_are_one(module: ModuleType, tmp_path: Path) -> None:
    found = middle_of_each(by_name([block_of_python(module.both, 2, tmp_path) for _ in range(3)]))
    assert found["own/m.py slow"] > 10 * found["own/m.py quick"]
    assert found[BUILT_IN] > 0
    assert {"own/m.py both", "own/m.py slow", "own/m.py quick"} <= set(found)


def test_the_middle_half_leaves_out_what_was_interrupted() -> None:
    assert middle([1.0, 1.0, 1.0, 900.0]) == 1.0
    assert middle([3.0]) == 3.0
    # A step that the machine was slow for, by a half or a hundred times, is in no part's share of the usual step.
    found = middle_of_each({"a": [1.0, 1.5, 1.0, 100.0, 1.0], "b": [3.0, 4.5, 3.0, 300.0, 3.0]})
    assert found == pytest.approx({"a": 7 / 6, "b": 3.5})  # of the wholes 4, 4 and 6
    assert middle_of_each({"a": [0.0], "b": [0.0]}) == {"a": 0.0, "b": 0.0}


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        ([[2, 3], [], [3]], " 2x3 3"), ([], ""), (None, ""), ([[[2], [3]], [4]], " 4"),
        ([[1], [2], [3], [4], [5]], " 1 2 3 4 …"),
    ],
)  # fmt: skip
def test_shapes_are_written_without_those_that_are_none(shapes: list[object], text: str) -> None:
    assert shaped(shapes) == text
