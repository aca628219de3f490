"""Traces of an H200, where the CPU runs ahead, graphs are replayed and kernels are generated: what is in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from reports.profiles.shape.windows import steps_of
from reports.profiles.trace.dialects import MARK, ON_DEVICE
from reports.profiles.trace.reading import read_trace
from tests.traces.one import read_one

TRACES = Path(__file__).parents[2] / "data" / "traces"
STEPS = [f"ProfilerStep#{number}" for number in range(3, 8)]
EARLIER = "launched before the recording"
# Of each trace: its kernels, copies and fills, and how many of them all each of its steps launched.
INSIDE = {
    "lag": (390, 0, 0, 50),
    "graph": (518, 0, 0, 81),
    "streams": (55, 10, 5, 14),
    "compiled": (100, 0, 0, 20),
    "reduce_overhead": (30, 0, 0, 6),
}


def trace_file(name: str) -> Path:
    return TRACES / f"h200_{name}.json.gz"


def launching_steps(events: pd.DataFrame, marks: pd.DataFrame) -> Counter[str]:
    """How many device events each step launched, by their correlations with calls of the runtime and the driver."""
    calls = events[(events["category"] == "cuda_runtime") & (events["correlation"] > 0)]
    began = dict(zip(calls["correlation"], calls["start_ns"], strict=True))
    found: Counter[str] = Counter()
    for correlation in events[events["category"].isin(ON_DEVICE)]["correlation"]:
        inside = marks[
            (marks["start_ns"] <= began.get(correlation, -1)) & (marks["end_ns"] >= began.get(correlation, -1))
        ]
        found[str(inside["name"].iloc[0]) if len(inside) else EARLIER] += 1
    return found


@pytest.mark.parametrize("name", INSIDE)
def test_kernels_copies_and_steps_are_all_there(name: str) -> None:
    trace = read_trace(trace_file(name))
    counts = Counter(trace.events["category"].astype(str))
    assert tuple(counts[kind] for kind in ON_DEVICE) == INSIDE[name][:3]
    assert list(steps_of(trace).names) == STEPS
    assert (trace.devices, trace.warnings) == (["NVIDIA H200"], [])


@pytest.mark.parametrize("name", INSIDE)
def test_correlations_tell_which_step_launched_what(name: str) -> None:
    events = read_trace(trace_file(name)).events
    marks = events[(events["category"] == MARK) & events["name"].isin(STEPS)]
    found = launching_steps(events, marks)
    assert [found[step] for step in STEPS] == [INSIDE[name][3]] * len(STEPS)
    assert found[EARLIER] == sum(INSIDE[name][:3]) - INSIDE[name][3] * len(STEPS)


@pytest.mark.parametrize("name", INSIDE)
def test_a_step_is_given_what_it_launched(name: str) -> None:
    profile = read_one(trace_file(name))
    assert profile.kernels["calls"].sum() == pytest.approx(INSIDE[name][3])
    strangers = sum(INSIDE[name][:3]) - INSIDE[name][3] * len(STEPS)
    said = [text for text in profile.warnings if "of no recorded step" in text]
    assert [text.split()[0] for text in said] == [str(strangers)] * (strangers > 0)


def test_a_step_takes_the_time_that_the_device_takes() -> None:
    # 50 products of 0.34 ms, which the CPU queues in 1 ms; timed without the profiler, a step took 17.06 ms.
    steps = read_one(trace_file("lag")).steps
    assert steps.on_cpu_s < 0.03
    assert steps.lengths[1:] / 1e6 == pytest.approx([17.06] * 4, rel=0.01)


def test_streams_are_told_apart_and_generated_kernels_have_their_names() -> None:
    streams = read_trace(trace_file("streams")).events
    kernels = streams[streams["category"] == "kernel"]
    assert Counter(kernels["stream"].astype(str)) == {"7": 30, "30": 25}
    names = set(read_one(trace_file("compiled")).kernels["name"])
    assert sum(name.startswith("triton_") for name in names) >= 3


def test_allocations_of_the_device_are_read() -> None:
    found = read_one(trace_file("compiled")).memory
    assert found is not None
    assert found.device == "CUDA"
    assert found.peak_bytes > 0
