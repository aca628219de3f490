"""The registry of what is measured: the one place that says anything about a metric. Plain data; imports no torch.

A new metric is a line in METRICS and whoever writes records of it. Tables, comparisons, the page and CSV follow from
the line; metrics that stand in no line, written by another version, are shown plainly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Unit: TypeAlias = str  # a symbol without a prefix: "s", "B", "J", "J/item"; "1" for counts, "" where it is not known
Place: TypeAlias = Literal["steps", "steps if measured", "outcomes", "compare", "compare if changed", "page"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One kind of figure.

    assumes: how two figures are compared, as noisy samples or for equality.
    shown: in which tables, besides those of the topic that it belongs to: as a column of the steps, or only where it
    was measured; of where training led; in a table of its own when compared, or only where it changed; on the page.
    better: None where it is not known, so that a change is neither better nor worse.
    heading: what a column of it is called; its name in words unless said.
    written: an amount with its unit and a prefix, a percentage, or three digits alone.
    """

    name: str
    unit: Unit
    assumes: Literal["noise", "exact"]
    what: str
    shown: tuple[Place, ...] = ("steps if measured", "compare", "page")
    better: Literal["lower", "higher"] | None = "lower"
    heading: str = ""
    written: Literal["amount", "percent", "digits"] = "amount"

    @property
    def words(self) -> str:
        """What people call it."""
        return self.heading or self.name.replace("_", " ")

    @property
    def lower_is_better(self) -> bool | None:
        """Which way is better, as a truth value."""
        return None if self.better is None else self.better == "lower"


# What a record of a counted figure says that is not the same in every run: two of them are not compared for equality.
VARIES = "it differs from run to run: worker processes hand over tensors at moments of their own"
# What a record says whose values were kept without the processes that they are of.
POOLED = (
    "its values were not kept process by process: how sure it is holds for the processes of then, and another run may "
    "differ by more"
)

TRACKED = "tracked"  # how the names of metrics begin that somebody's own benchmarks return

BY_TOPIC: tuple[Place, ...] = ("compare",)  # a topic draws it
WORK: tuple[Place, ...] = ("compare if changed",)  # what a step has to do is the same on both sides nearly always
ELEMENTWISE = "element by element"  # of a step's arithmetic, what is no product; the rest is by precision
STEPS: tuple[Place, ...] = ("steps", "compare")
OUTCOMES: tuple[Place, ...] = ("outcomes", "compare")


def metric_of(name: str) -> Metric:
    """The metric of this name; of a name that another version wrote, one of which nothing else is known."""
    if name.startswith(TRACKED):
        return Metric(name, name.removeprefix(TRACKED).strip(" []"), "noise", "what asv tracks", better=None)
    return METRICS.get(name) or Metric(name, "", "noise", "unknown to this version of torchpace", better=None)


def tracked(unit: str) -> str:
    """The metric of what asv tracks in a unit, which is part of its name."""
    return f"{TRACKED} [{unit}]" if unit else TRACKED


METRICS = {
    metric.name: metric
    for metric in (
        Metric("step_time", "s", "noise", "seconds per step, over a synchronized block of steps", BY_TOPIC),
        Metric("latency", "s", "noise", "seconds of a single call, until the device has its answer", BY_TOPIC),
        Metric("latency_p99", "s", "noise", "99th percentile of a process's latencies; computed from them", BY_TOPIC),
        Metric("first_call", "s", "noise", "first step of a fresh process; compiled programs: never before", BY_TOPIC),
        Metric("first_call_machine", "s", "noise", "likewise, on a machine that has compiled nothing yet", BY_TOPIC),
        Metric("first_call_warm", "s", "noise", "first compiled step of a fresh process; disk cache filled", BY_TOPIC),
        Metric("peak_memory", "B", "exact", "peak of live tensor bytes during one step", STEPS),
        Metric("reserved_memory", "B", "exact", "peak of the allocator's bytes during one step", BY_TOPIC),
        Metric("requested_memory", "B", "exact", "peak of live tensor bytes, before they are rounded up", BY_TOPIC),
        Metric("flops", "1", "exact", "floating-point operations per step in products and convolutions", STEPS,
               heading="FLOP/step"),
        Metric("arithmetic", "1", "exact", "FLOPs per uncompiled step, element operations and reductions too", WORK),
        Metric("algorithmic_bytes", "B", "exact", "bytes per uncompiled step that any machine must move", WORK),
        Metric("touched_bytes", "B", "exact", "bytes of distinct storages that an uncompiled step touches", WORK),
        Metric("dispatches", "1", "exact", "operators that an eager step calls, below autograd", WORK),
        Metric("graphs", "1", "exact", "graphs that torch.compile made of one step", BY_TOPIC),
        Metric("graph_breaks", "1", "exact", "places where torch.compile gave the step back to Python", BY_TOPIC),
        Metric("recompiles", "1", "exact", "times that torch.compile compiled the same code again", BY_TOPIC),
        Metric("answer_error", "1", "exact", "|compiled - eager| / |eager| of the first answers", BY_TOPIC,
               written="digits"),
        Metric("answer_error_float64", "1", "exact", "|answer - float64| / |float64| of the first answers", BY_TOPIC),
        Metric("shape_recompiles", "1", "exact", "recompilations over batches of other sizes, by dynamic=", BY_TOPIC),
        Metric("operator_time", "s", "noise", "seconds per step under the profiler, by operator and kernel", BY_TOPIC),
        Metric("function_time", "s", "noise", "seconds per step in functions of Python, under cProfile", BY_TOPIC),
        Metric("operator_places", "1", "exact", "operator calls in one step by the lines they come from", BY_TOPIC),
        Metric("bytes_allocated", "B", "exact", "sum of all tensor allocations during one step", BY_TOPIC),
        Metric("ops", "1", "exact", "operator calls in one step", BY_TOPIC),
        Metric("kernels", "1", "exact", "kernels of one step: the device's, or on the CPU torch.compile's", BY_TOPIC),
        Metric("parameters", "1", "exact", "learnable numbers that a step which has run once keeps alive", BY_TOPIC),
        Metric("instructions", "1", "noise", "user-mode instructions of the measuring thread per step", BY_TOPIC),
        Metric("instructions_valgrind", "1", "noise", "instructions per step, as Valgrind counts them", BY_TOPIC),
        Metric("process_memory", "B", "noise", "largest resident memory of a process, framework and all"),
        Metric("object_memory", "B", "noise", "bytes of an object and what it refers to, as asv measures it"),
        Metric("final_loss", "1", "noise", "training loss after a fixed number of steps", OUTCOMES, written="digits"),
        Metric("time_to_accuracy", "s", "noise", "from building the step to the first look at the target", BY_TOPIC),
        Metric("accuracy", "1", "noise", "share of test digits named rightly after that many steps", OUTCOMES,
               better="higher", written="percent"),
    )
}  # fmt: skip
