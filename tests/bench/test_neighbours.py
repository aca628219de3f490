"""Whether the sides of a gate may take turns on an accelerator: what an idle process there costs the other one."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.devices import DEVICES
from bench.gate import conversation, survey
from bench.gate.conversation import in_turns
from bench.gate.lanes import Hosts
from bench.gate.revisions import Side
from bench.measure.task import Task
from bench.measure.turns import Shape
from bench.records.record import APART, GATE_TURNS, IN_TURNS, Case, Environment
from reports.topics.gate.text import machine_line
from tests.bench.planted_device import Planted
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("ratios", "how"),
    [
        ([1.0] * 14, IN_TURNS), ([1.05] * 14, APART), ([0.99, 1.0, 1.01] * 5, IN_TURNS),
        ([0.7, 1.06, 1.4] * 5, IN_TURNS),  # a machine that wanders says nothing
        ([1.03, 1.04, 1.05] * 5, APART), ([1.01] * 14, IN_TURNS), ([0.9] * 14, IN_TURNS),
    ],
)  # fmt: skip
def test_turns_are_left_only_where_an_idle_process_surely_costs(ratios: list[float], how: str) -> None:
    assert survey.how_in_turns(ratios) == how


def test_what_a_neighbour_costs_is_asked_of_both_sides(tmp_path: Path) -> None:
    sides = {name: Side(name, name, "", "", ROOT, sys.executable, tmp_path) for name in ("base", "head")}
    with Hosts(sides, None) as hosts:
        hosts.wait()
        ratios = survey.costs_of_a_neighbour(hosts, "cpu", 60.0)
        assert all(host.alive for host in hosts.by_name.values())
    assert len(ratios) == survey.BLOCKS
    assert all(ratio > 0 for ratio in ratios)


@pytest.mark.parametrize(
    ("device", "is_safe", "asked"), [("cpu", True, 0), ("planted", False, 0), ("planted", True, 1)]
)
def test_only_accelerators_that_may_take_turns_are_asked(
    device: str, is_safe: bool, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = Planted()
    planted.turns_are_safe = is_safe
    monkeypatch.setitem(DEVICES, "planted", planted)
    calls: list[str] = []

    def costs(hosts: Any, name: str, timeout_s: float) -> list[float]:
        calls.append(name)
        return [1.1] * survey.BLOCKS

    monkeypatch.setattr(survey, "costs_of_a_neighbour", costs)
    hosts: Any = None
    assert survey.turns_on(hosts, device, 1.0) == (APART if asked else "")
    assert len(calls) == asked


@pytest.mark.parametrize("apart", [False, True])
def test_sides_that_are_apart_run_one_after_the_other(apart: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    how: list[str] = []
    monkeypatch.setattr(conversation.Conversation, "alternate", lambda *given: how.append("in turns"))
    monkeypatch.setattr(conversation.Conversation, "one_after_the_other", lambda *given: how.append("apart"))
    task = Task(Case("a.b", 1, (), "cpu", "float32", "eager", 1), "time")
    in_turns({}, task, Shape(), 1.0, random.Random(0), lambda: None, "step_time", apart)
    assert how == ["apart" if apart else "in turns"]


def test_the_gate_says_that_its_sides_were_apart() -> None:
    assert f"sides {APART}" in machine_line([Environment((("torch", "2.15"), (GATE_TURNS, APART)))])
    assert "sides" not in machine_line([Environment((("torch", "2.15"), (GATE_TURNS, IN_TURNS)))])
