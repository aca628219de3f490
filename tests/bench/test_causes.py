"""What a gate says of the parts of its cases, from made-up pairs of profiles."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch.autograd import DeviceType  # type: ignore[attr-defined]

from bench.cli.gate.causes import grown, said
from bench.cli.gate.command import exit_code
from bench.counts.torch_profiler import MARK
from bench.gate.parts import Pair
from bench.gate.parts_pass import BREAKS, CALLS, FUNCTIONS, PLACES, TIMES, sorted_out
from bench.records.record import BUILT_IN, OUTSIDE, Case, Record
from reports.topics.gate.figures import GateRow
from reports.topics.gate.places import Diff
from reports.topics.gate.text import remark, sentence

CASE = Case("made.up", 1, (), "cpu", "float32", "eager", 1)
NO_DIFF = Diff(lambda path: [], lambda path: [])
MM, SORT = "aten::mm 8x8 8x8", "aten::sort 8x8"
STEP = {MM: 9e-4, SORT: 4e-5, OUTSIDE: 6e-5}
PYTHON = {"m.py run": 4e-5, BUILT_IN: 9.6e-4}


def record(metric: str, parts: Mapping[str, float]) -> Record:
    return Record("", "", CASE, metric, values=(1.0,), parts=tuple(parts.items()))


def pairs(head: Mapping[str, float], python: Mapping[str, float] = PYTHON, count: int = 24) -> list[Pair]:
    """Pairs in which each process has a speed of its own, and each part noise of a per cent."""
    dice = np.random.default_rng(3)

    def side(parts: Mapping[str, float], functions: Mapping[str, float]) -> list[Record]:
        speed = float(np.exp(0.1 * dice.normal()))
        noisy = [
            {name: seconds * speed * float(np.exp(0.01 * dice.normal())) for name, seconds in each.items()}
            for each in (parts, functions)
        ]
        counted = record(CALLS, dict.fromkeys((name for name in parts if name != OUTSIDE), 1.0))
        return [
            record(TIMES, noisy[0]),
            record(FUNCTIONS, noisy[1]),
            counted,
            record(PLACES, {f"{SORT}\t\tm.py:3 run": 1.0}),
        ]

    return [{"base": side(STEP, PYTHON), "head": side(head, python)} for _ in range(count)]


def test_a_small_part_that_grew_is_found_in_a_step_that_did_not() -> None:
    found = grown(pairs({**STEP, SORT: 1.05 * STEP[SORT]}), cases=30, diff=NO_DIFF)
    assert found.startswith("+0.2 % of the profiled step [0.")
    assert found.endswith(f"in {SORT}, from m.py:3")


def test_a_function_that_grew_is_found_too() -> None:
    python = {**PYTHON, "m.py run": 1.05 * PYTHON["m.py run"]}
    assert grown(pairs(STEP, python), cases=30, diff=NO_DIFF).endswith("in m.py run")


def test_where_nothing_grew_none_is_named() -> None:
    assert grown(pairs(STEP), cases=1, diff=NO_DIFF) == ""
    faster = {**STEP, MM: 0.9 * STEP[MM]}
    assert "mm" not in grown(pairs(faster), cases=1, diff=NO_DIFF)
    assert grown([], cases=1, diff=NO_DIFF) == ""


def test_graph_breaks_that_came_are_part_of_the_cause() -> None:
    seen = pairs({**STEP, SORT: 4 * STEP[SORT]}, count=8)
    breaks = {"base": record(BREAKS, {}), "head": record(BREAKS, {"print at m.py:3": 1.0})}
    with_breaks = [{name: [*records, breaks[name]] for name, records in pair.items()} for pair in seen]
    assert said(with_breaks, True, NO_DIFF).startswith("1 graph break more: print at m.py:3; +")
    assert said(with_breaks, False, NO_DIFF).startswith("no part stands out")


def test_a_slower_part_fails_a_gate_only_when_that_is_asked() -> None:
    rows = [GateRow(CASE, "same", 1.0, 0.99, 1.01, slower_part="+0.2 % in aten::sort")]
    assert [exit_code(rows, None, parts) for parts in (None, "report", "fail")] == [0, 0, 1]
    assert remark(rows[0]) == "slower part: +0.2 % in aten::sort"
    assert sentence(rows) == "No case is slower, 1 has a slower part: 1 same."


def test_profiles_of_an_operator_count_calls_that_took_no_time_too() -> None:
    def event(name: str, start: float, took: float) -> Any:
        return SimpleNamespace(
            name=name, device_type=DeviceType.CPU, time_range=SimpleNamespace(start=start), cpu_time_total=took,
            self_cpu_time_total=took, cpu_parent=None, input_shapes=[],
        )  # fmt: skip

    marks = [event(MARK, 10.0 * step, 5.0) for step in range(4)]
    calls = [event("aten::t", 10.0 * step + 1, float(step % 2)) for step in range(4)]
    sessions = [[*marks[:2], *calls[:2], event("nothing", 1.0, 0.0)], [*marks[2:], *calls[2:]]]
    seen = sorted_out(sessions, 4)
    assert seen == sorted_out([[*marks, *calls, event("nothing", 1.0, 0.0)]], 4)
    assert seen.calls == {"aten::t": 1.0}
    assert set(seen.seconds) == {"aten::t", OUTSIDE}


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_pairs_say_so(count: int) -> None:
    assert said(pairs(STEP, count=count), True, NO_DIFF) == "its parts were not seen often enough to say where"
