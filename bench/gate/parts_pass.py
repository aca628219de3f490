"""What the step of a case consists of, in its own process: seconds and calls by part, and where in the code these are.

A part is an operator with the shapes that it is given, without the operators within it; a generated kernel; one of a
device's; and Python, between them. Taken under the profiler, whose cost is in each.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch.autograd import DeviceType  # type: ignore[attr-defined]  # not exported, but what events answer with
from torch.profiler import record_function

from bench.counts.places import Stack, calls_by_place, middle, python_times, shaped
from bench.counts.torch_profiler import MARK, plain_name, profiler, steps_for
from bench.devices import Device
from bench.measure.passes import guarded
from bench.measure.task import Task, build
from bench.measure.turns import warm_up
from bench.modes import compilations, torch_compile
from bench.records.record import OUTSIDE, Record
from workloads.base import Workload

# The metrics: seconds per step by part, calls per step by part, calls by part and place, seconds by Python's functions.
TIMES, CALLS, PLACES, FUNCTIONS = "operator_time", "ops", "operator_places", "function_time"
BREAKS, RECOMPILES = "graph_breaks", "recompiles"  # of compiled steps, by reason and place
PARTS, SMALL_PARTS = "parts", "small-parts"  # what is measured, and how the names of its runs go on
MOST_BLOCKS, PYTHON_S = 10, 1.0  # of steps under cProfile, and about how long they may take together
MOST_STEPS = {PARTS: 30, SMALL_PARTS: 100}  # the profiler's events of each take a hundredth of a second to read


def perform_parts(task: Task) -> list[Record]:
    """The records of a case's parts; whatever the workload raises becomes a record that says so."""
    return guarded(task, parts_pass, TIMES)


def parts_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """Seconds and calls of a warm step by part, and of uncompiled steps the places and Python's functions."""
    run = build(workload, task.case, device).run
    run()
    step_s = warm_up(run, device.clock)
    steps = steps_for(step_s, MOST_STEPS[task.measure])
    with profiler(device.activities(), record_shapes=True) as profiled:
        for _ in range(steps):
            with record_function(MARK):
                run()
                device.synchronize()
    seen = sorted_out(profiled.events() or (), steps)
    records = [record(blank, TIMES, seen.seconds, steps), record(blank, CALLS, seen.calls)]
    if torch_compile.compiled(task.case.mode):
        made = compilations.counts()
        records += [
            record(blank, BREAKS, Counter(made.breaks)),
            record(blank, RECOMPILES, Counter(made.recompilations)),
        ]
    if not torch_compile.generates(task.case.mode):  # the compiler leaves nothing of the code's lines
        root, steps = Path.cwd(), steps_for(step_s, MOST_STEPS[PARTS])
        blocks = max(1, min(MOST_BLOCKS, round(PYTHON_S / (steps * step_s))))
        records.append(record(blank, FUNCTIONS, python_times(run, steps, blocks, root), steps * blocks))
        with contextlib.suppress(Exception):  # of a step that does not run so: its places are not known
            records.append(record(blank, PLACES, places(seen.within, calls_by_place(run, root))))
    return records


def record(blank: Record, metric: str, parts: Mapping[str, float], steps: int = 1) -> Record:
    """One figure by its parts, which are in the order of their names."""
    return replace(
        blank, metric=metric, values=(sum(parts.values()),), steps_per_value=steps, parts=tuple(sorted(parts.items()))
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds and calls per step by part, and for each part itself and the operators that it was seen in."""

    seconds: Mapping[str, float]
    calls: Mapping[str, float]
    within: Mapping[str, set[str]]


def sorted_out(events: Iterable[Any], steps: int) -> Seen:
    """The profiler's events of so many marked steps. What interrupts single steps is no part of a part."""
    events = list(events)
    marks = [each for each in events if each.name == MARK and each.device_type == DeviceType.CPU]
    starts = [mark.time_range.start for mark in marks]
    host: dict[str, list[float]] = {OUTSIDE: [mark.cpu_time_total for mark in marks]}
    kernels: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    within: dict[str, set[str]] = {}
    for event in events:
        if event.device_type != DeviceType.CPU:
            kernels[plain_name(event.name)] += 0 if event.is_user_annotation else event.self_device_time_total
        elif event.name != MARK:
            part, *around = itself_and_around(event)
            step = max(0, bisect_right(starts, event.time_range.start) - 1)
            host.setdefault(part, [0.0] * len(marks))[step] += event.self_cpu_time_total
            host[OUTSIDE][step] -= event.self_cpu_time_total
            calls[part] += 1
            within.setdefault(part, set()).update([part, *around])
    host = {name: own for name, own in host.items() if any(own)}  # what took no time at all is no part
    seconds = {name: max(0.0, middle(own)) * 1e-6 for name, own in host.items()}
    if +kernels:  # what a device did is not to be counted again where the host waits for it
        known = {name: taken * 1e-6 / steps for name, taken in kernels.items()}
        seconds = known | {OUTSIDE: max(0.0, sum(seconds.values()) - sum(known.values()))}
    return Seen(seconds, {name: count / steps for name, count in calls.items() if name in host}, within)


def itself_and_around(event: Any) -> Iterator[str]:
    """An operator with the shapes that it is given, then those that call it, the innermost first."""
    while event is not None and event.name != MARK:
        yield f"{plain_name(event.name)}{shaped(event.input_shapes)}"
        event = event.cpu_parent


def places(within: Mapping[str, Iterable[str]], calls: Mapping[tuple[str, str, Stack], int]) -> dict[str, float]:
    """Calls by part, module and stack, with tabs between: those of the operators that a part is, or was seen in."""
    found: dict[str, float] = {}
    for part, operators in within.items():
        for (operator, module, stack), count in calls.items():
            if operator in operators:
                name = "\t".join((part, module, *stack))
                found[name] = found.get(name, 0.0) + count
    return found
