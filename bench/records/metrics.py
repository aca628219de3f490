"""What is measured, in which unit, and which direction is better. Plain data; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["s", "B", "1"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One kind of figure. `assumes` says how two of them are compared: as noisy samples, or for equality."""

    name: str
    unit: Unit
    better: Literal["lower", "higher"]
    assumes: Literal["noise", "exact"]
    what: str


METRICS = {
    metric.name: metric
    for metric in (
        Metric("step_time", "s", "lower", "noise", "seconds per step, over a synchronized block of steps"),
        Metric("latency", "s", "lower", "noise", "seconds of a single call, until the device has its answer"),
        Metric("latency_p99", "s", "lower", "noise", "99th percentile of a process's latencies; computed from them"),
        Metric("first_call", "s", "lower", "noise", "first step of a fresh process; compile caches empty"),
        Metric("first_call_warm", "s", "lower", "noise", "first compiled step of a fresh process; disk cache filled"),
        Metric("peak_memory", "B", "lower", "exact", "peak of live tensor bytes during one step"),
        Metric("reserved_memory", "B", "lower", "exact", "peak of the allocator's bytes during one step"),
        Metric("flops", "1", "lower", "exact", "floating-point operations per step in products and convolutions"),
        Metric("arithmetic", "1", "lower", "exact", "FLOPs per uncompiled step, element operations and reductions too"),
        Metric("algorithmic_bytes", "B", "lower", "exact", "bytes per uncompiled step that any machine must move"),
        Metric("touched_bytes", "B", "lower", "exact", "bytes of distinct storages that an uncompiled step touches"),
        Metric("dispatches", "1", "lower", "exact", "operators that an eager step calls, below autograd"),
        Metric("graphs", "1", "lower", "exact", "graphs that torch.compile made of one step"),
        Metric("graph_breaks", "1", "lower", "exact", "places where torch.compile gave the step back to Python"),
        Metric("recompiles", "1", "lower", "exact", "times that torch.compile compiled the same code again"),
        Metric("answer_error", "1", "lower", "exact", "|compiled - eager| / |eager| of the first answers"),
        Metric("answer_error_float64", "1", "lower", "exact", "|answer - float64| / |float64| of the first answers"),
        Metric("shape_recompiles", "1", "lower", "exact", "recompilations over batches of other sizes, by dynamic="),
        Metric("operator_time", "s", "lower", "noise", "seconds per step under the profiler, by operator and kernel"),
        Metric("bytes_allocated", "B", "lower", "exact", "sum of all tensor allocations during one step"),
        Metric("ops", "1", "lower", "exact", "operator calls in one step"),
        Metric("kernels", "1", "lower", "exact", "kernels of one step: the device's, or on the CPU torch.compile's"),
        Metric("parameters", "1", "lower", "exact", "learnable numbers that a step which has run once keeps alive"),
        Metric("instructions", "1", "lower", "noise", "user-mode instructions of the measuring thread per step"),
        Metric("final_loss", "1", "lower", "noise", "training loss after a fixed number of steps"),
        Metric("time_to_accuracy", "s", "lower", "noise", "from building the step to the first look at the target"),
        Metric("accuracy", "1", "higher", "noise", "share of test digits named rightly after that many steps"),
    )
}
