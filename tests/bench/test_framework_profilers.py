"""Where a step's time goes in each framework, by its own profiler: the operators are there, in seconds per step."""

from __future__ import annotations

import re
import statistics
from pathlib import Path
from typing import Any

import pytest

from bench.frameworks.process import Conversation, NoAnswer
from bench.frameworks.profilers import parts_of
from bench.frameworks.side_by_side import Frameworks
from bench.frameworks.spans import Span, covered_s, own_times
from bench.measure.task import Task
from bench.records.errors import Death
from bench.records.record import OUTSIDE, Case, Record

NETWORK = (("model", "padded"), ("batch", 8))
TORCH = r"aten::(mkldnn_)?(convolution|max_pool2d)"  # its pooling on the CPU takes as long
XLA = "(?i)conv|ynn_fusion"  # which is all of the network in one, where XLA has it


def test_a_span_counts_without_those_within_it_on_its_line() -> None:
    spans = [
        Span("graph", "a", 0.0, 10.0), Span("conv", "a", 1.0, 4.0), Span("copy", "a", 2.0, 3.0),
        Span("conv", "a", 6.0, 8.0), Span("mul", "b", 5.0, 12.0),
    ]  # fmt: skip
    assert own_times(spans) == {"graph": 5.0, "conv": 4.0, "copy": 1.0, "mul": 7.0}
    assert covered_s(spans) == 12.0
    assert covered_s([Span("a", "", 0, 1), Span("b", "", 3, 4)]) == 2
    assert (own_times([]), covered_s([])) == ({}, 0.0)


def test_what_ends_a_moment_after_what_is_around_it_takes_nothing_away_twice() -> None:
    assert own_times([Span("outer", "a", 0.0, 2.0), Span("inner", "a", 1.0, 2.5)]) == {"outer": 1.0, "inner": 1.5}


def test_threads_at_work_together_share_the_time_of_the_step() -> None:
    spans = [Span("conv", "a", 0.0, 4.0), Span("conv", "b", 0.0, 2.0), Span("add", "b", 2.0, 4.0)]
    assert parts_of(spans, whole_s=10.0, steps=2) == {"conv": 1.5, "add": 0.5, OUTSIDE: 3.0}
    assert parts_of([], whole_s=10.0, steps=2) == {OUTSIDE: 5.0}


def records_of(framework: str, how: str, workload: str, axes: tuple[tuple[str, object], ...]) -> dict[str, Record]:
    """The records by metric; skips where the framework is not installed."""
    point: Any = (*axes, ("framework", framework), ("how", how))
    case = Case(f"frameworks.{workload}", 1, point, "cpu", "float32", "eager", 1)
    frameworks = Frameworks(timeout_s=120.0)
    try:
        found = {record.metric: record for record in frameworks.measured([Task(case, "time")])}
    finally:
        frameworks.close()
    if found["step_time"].status == "unavailable":
        pytest.skip(found["step_time"].reason)
    assert found["step_time"].status == "measured", found["step_time"].reason
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
@pytest.mark.parametrize(
    ("framework", "how", "longest"),
    [
        ("torch", "eager", TORCH), ("torch", "compile", f"{TORCH}|CompiledFxGraph"), ("keras-torch", "compiled", TORCH),
        ("tensorflow", "eager", "Conv2D"), ("tensorflow", "function", "Conv2D"), ("tensorflow", "xla", XLA),
        ("keras-tensorflow", "compiled", XLA), ("jax", "eager", XLA), ("jax", "jit", XLA),
        ("keras-jax", "compiled", XLA), ("onnxruntime", "session", "(Fused)?Conv"),
    ],
)  # fmt: skip
def test_the_longest_operator_of_a_network_is_what_it_consists_of(framework: str, how: str, longest: str) -> None:
    found = records_of(framework, how, "cnn_inference", NETWORK)
    step_time, operators = found["step_time"], found["operator_time"]
    assert not step_time.warnings
    parts = dict(operators.parts)
    assert OUTSIDE in parts
    name = max((name for name in parts if name != OUTSIDE), key=lambda name: parts[name])
    assert re.search(longest, name), parts
    assert operators.values[0] == pytest.approx(sum(parts.values()))
    # The step's length, or some times that under the profiler: not of all steps together, nor of milliseconds.
    assert 0.3 < operators.values[0] / statistics.median(step_time.values) < 10


def test_without_a_profiler_all_else_is_measured() -> None:
    found = records_of("numpy", "eager", "softmax", (("rows", 64),))
    assert sorted(found) == ["first_call", "process_memory", "step_time"]
    assert {record.status for record in found.values()} == {"measured"}  # what failed has no further launch
    assert not found["step_time"].warnings


@pytest.mark.parametrize(
    "error", [Death("its process was ended by SIGSEGV"), NoAnswer("broken", "ValueError: planted")]
)
def test_a_profiler_that_fails_is_a_warning(error: Death | NoAnswer, monkeypatch: pytest.MonkeyPatch) -> None:
    receive = Conversation.receive

    def fails(self: Conversation, kind: str, timeout_s: float) -> Any:
        if kind == "profiled":
            raise error
        return receive(self, kind, timeout_s)

    monkeypatch.setattr(Conversation, "receive", fails)
    found = records_of("numpy", "eager", "softmax", (("rows", 64),))
    assert "operator_time" not in found
    assert found["step_time"].warnings == (f"its profiler failed: {error.reason}",)
