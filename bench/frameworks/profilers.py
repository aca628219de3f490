"""Where a framework's step spends its time, as the framework's own profiler says: seconds per step by operator.

Each names operators in its own way, and costs time of its own: these figures say where time goes, not how much it is.
Imports of frameworks only what the process has imported already. `run` is one step until its answer is there, `again`
gives it its numbers anew.
"""

from __future__ import annotations

import importlib
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.frameworks.spans import Span, covered_s, own_times
from bench.records.record import OUTSIDE

Run = Callable[[], object]
PICO, NANO, MICRO = 1e-12, 1e-9, 1e-6
# Of TensorFlow's events those that are operators: in eager steps `EagerLocalExecute: Conv2D`, which holds its kernel,
# and in graphs `gradient_tape/Conv2D:_MklNativeConv2D`. A whole tf.function, which holds those, is `__inference_...`.
EAGER_OPERATOR = re.compile(r"EagerLocalExecute: (?!__)(\w+)")
GRAPH_OPERATOR = re.compile(r"[^:]+:(_?[A-Z]\w*)")
HLO = "hlo_op"  # which XLA's operators, and only they, say of themselves
NUMBER = re.compile(r"\.\d+$")  # XLA's, of operators of one name


def parts_of(spans: list[Span], whole_s: float, steps: int) -> dict[str, float]:
    """Seconds per step by operator, and outside of all; they sum to it. Threads at work together share the time."""
    own, inside_s = own_times(spans), covered_s(spans)
    share = inside_s / (sum(own.values()) or 1.0) / steps
    return {**{name: seconds * share for name, seconds in own.items()}, OUTSIDE: max(0.0, whole_s - inside_s) / steps}


def taking(run: Run, steps: int) -> float:
    """Seconds that so many steps take."""
    start_s = time.perf_counter()
    for _ in range(steps):
        run()
    return time.perf_counter() - start_s


def of_torch(run: Run, again: Run, steps: int) -> dict[str, float]:
    """As torch.profiler says."""
    counts = importlib.import_module("bench.counts.torch_profiler")  # imports torch
    found: dict[str, float] = counts.operator_times(run, lambda: None, [counts.ProfilerActivity.CPU], steps)
    return found


def of_tensorflow(run: Run, again: Run, steps: int) -> dict[str, float]:
    """As tf.profiler says. The form that it is written in has no other public reader."""
    tf = importlib.import_module("tensorflow")
    planes = importlib.import_module("tensorflow.tsl.profiler.protobuf.xplane_pb2")
    with tempfile.TemporaryDirectory() as folder:
        options = tf.profiler.experimental.ProfilerOptions(host_tracer_level=2, python_tracer_level=0)
        tf.profiler.experimental.start(folder, options)
        whole_s = taking(run, steps)
        tf.profiler.experimental.stop()
        space = planes.XSpace()
        space.ParseFromString(written(folder).read_bytes())
    return parts_of(list(spans_of_space(space)), whole_s, steps)


def spans_of_space(space: Any) -> Iterator[Span]:
    """The operators among TensorFlow's events, XLA's too."""
    for plane in space.planes:
        stats = {number: about.name for number, about in plane.stat_metadata.items()}
        for line in plane.lines:
            for event in line.events:
                own = plane.event_metadata[event.metadata_id].name
                by_xla = any(stats.get(stat.metadata_id) == HLO for stat in event.stats)
                found = EAGER_OPERATOR.fullmatch(own) or GRAPH_OPERATOR.fullmatch(own)
                if by_xla or found:
                    start_s = NANO * line.timestamp_ns + PICO * event.offset_ps
                    name = found[1] if found and not by_xla else NUMBER.sub("", own)
                    yield Span(name, str(line.id), start_s, start_s + PICO * event.duration_ps)


def of_jax(run: Run, again: Run, steps: int) -> dict[str, float]:
    """As jax.profiler says."""
    profiler = importlib.import_module("jax.profiler")
    with tempfile.TemporaryDirectory() as folder:
        options = profiler.ProfileOptions()
        options.python_tracer_level = 0  # events of Python would make an eager step several times as long
        profiler.start_trace(folder, profiler_options=options)
        whole_s = taking(run, steps)
        profiler.stop_trace()
        data = profiler.ProfileData.from_file(str(written(folder)))
    spans = [
        Span(NUMBER.sub("", event.name), f"{place} {line.name}", NANO * event.start_ns, NANO * event.end_ns)
        for plane in data.planes for place, line in enumerate(plane.lines) for event in line.events
        if any(name == HLO for name, _ in event.stats)
    ]  # fmt: skip
    return parts_of(spans, whole_s, steps)


def written(folder: str) -> Path:
    """The one profile in a folder."""
    return next(Path(folder).rglob("*.xplane.pb"))


def of_onnxruntime(run: Run, again: Run, steps: int) -> dict[str, float]:
    """As the session says, which writes a profile of its whole life: one that is made for this, and ended."""
    file: Any = importlib.import_module("workloads.frameworks.with_onnxruntime")
    with tempfile.TemporaryDirectory() as folder:
        file.trace_to = f"{folder}/profile"
        again()
        run()
        whole_s = taking(run, steps)
        file.trace_to = ""
        again()  # ends the other
        events = json.loads(next(Path(folder).iterdir()).read_text())
    nodes = [event for event in events if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")]
    spans = [
        Span(node["args"]["op_name"], str(node["tid"]), MICRO * node["ts"], MICRO * (node["ts"] + node["dur"]))
        for node in nodes[len(nodes) // (steps + 1) :]  # without the first step, which was not timed
    ]
    return parts_of(spans, whole_s, steps)


PROFILERS: dict[str, Callable[[Run, Run, int], dict[str, float]]] = {
    "torch": of_torch, "tensorflow": of_tensorflow, "jax": of_jax, "onnxruntime": of_onnxruntime,
}  # fmt: skip
