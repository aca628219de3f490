"""What the step of a case consists of, turn by turn: seconds and calls by part, and where in the code these are.

A part is an operator with the shapes that it is given, without the operators within it; a generated kernel; one of a
device's; and Python, between them. Taken under the profiler, whose cost is in each.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from torch.autograd import DeviceType  # type: ignore[attr-defined]  # not exported, but what events answer with
from torch.profiler import profile, record_function

from bench.counts.places import Stack, block_of_python, by_name, calls_by_place, middle_of_each, shaped
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
MOST_STEPS = {PARTS: 30, SMALL_PARTS: 100}  # the profiler's events of each take a hundredth of a second to read
MOST_TURNS = {PARTS: 10, SMALL_PARTS: 20}
MOST_ALONE = 4  # turns, where sides do not alternate: to start the profiler of a GPU takes long
MOST_PYTHON_STEPS, PYTHON_S = 15, 0.05  # of a turn under cProfile, and about how long they may take


@dataclass(frozen=True, slots=True)
class PartsTurns:
    """How `most_steps` or fewer are divided into turns, `most_turns` or fewer."""

    most_steps: int
    most_turns: int

    def plan(self, step_s: float) -> tuple[int, int]:
        """Steps of a turn and rounds of turns, for steps of so many seconds."""
        steps = steps_for(step_s, self.most_steps)
        rounds = min(self.most_turns, steps)
        return round(steps / rounds), rounds


def take_apart(connection: Connection, task: Task) -> list[Record]:
    """In the fresh process: the records of a case's parts, seen turn by turn; or one that says what it raised."""
    return guarded(task, partial(parts_pass, connection), TIMES)


def parts_pass(connection: Connection, task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """Seconds and calls of a warm step by part, and of uncompiled steps the places and Python's functions."""
    run = build(workload, task.case, device).run
    run()
    torch_compile.end_workers()
    step_s = warm_up(run, device.clock)
    python_steps, root = max(1, min(MOST_PYTHON_STEPS, round(PYTHON_S / step_s))), Path.cwd()
    has_lines = not torch_compile.generates(task.case.mode)  # the compiler leaves nothing of the code's lines
    sessions, blocks, taken = [], [], 0
    connection.send(("settled", step_s))
    while steps := int(connection.recv()):
        sessions.append(profiled_steps(run, steps, device))
        if has_lines:
            blocks.append(block_of_python(run, python_steps, root))
        taken += steps
        connection.send(("turn", taken))
    if not sessions:  # the other side failed
        return [blank]
    seen = sorted_out([session.events() or () for session in sessions], taken)
    records = [record(blank, TIMES, seen.seconds, taken), record(blank, CALLS, seen.calls)]
    if torch_compile.compiled(task.case.mode):
        made = compilations.counts()
        records += [
            record(blank, BREAKS, Counter(made.breaks)),
            record(blank, RECOMPILES, Counter(made.recompilations)),
        ]
    if has_lines:
        records.append(record(blank, FUNCTIONS, middle_of_each(by_name(blocks)), python_steps * len(blocks)))
        with contextlib.suppress(Exception):  # of a step that does not run so: its places are not known
            records.append(record(blank, PLACES, places(seen.within, calls_by_place(run, root))))
    return records


def profiled_steps(run: Callable[[], object], steps: int, device: Device) -> profile:
    """A profile of so many marked steps, whose events are read when nothing is timed any more."""
    profiled = profiler(device.activities(), record_shapes=True)
    with profiled:
        for _ in range(steps):
            with record_function(MARK):
                run()
                device.synchronize()
    return profiled


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


def sorted_out(sessions: Sequence[Iterable[Any]], steps: int) -> Seen:
    """The profiler's events of so many marked steps."""
    host: dict[str, list[float]] = {OUTSIDE: [0.0] * steps}
    kernels: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    within: dict[str, set[str]] = {}
    before = -1  # the step before those of a session
    for session in sessions:
        events = list(session)
        marks = [each for each in events if each.name == MARK and each.device_type == DeviceType.CPU]
        starts = [mark.time_range.start for mark in marks]
        for step, mark in enumerate(marks, before + 1):
            host[OUTSIDE][step] += mark.cpu_time_total
        for event in events:
            if event.device_type != DeviceType.CPU:
                kernels[plain_name(event.name)] += 0 if event.is_user_annotation else event.self_device_time_total
            elif event.name != MARK:
                part, *around = itself_and_around(event)
                step = before + max(1, bisect_right(starts, event.time_range.start))
                host.setdefault(part, [0.0] * steps)[step] += event.self_cpu_time_total
                host[OUTSIDE][step] -= event.self_cpu_time_total
                calls[part] += 1
                within.setdefault(part, set()).update([part, *around])
        before += len(marks)
    host = {name: own for name, own in host.items() if any(own)}  # what took no time at all is no part
    seconds = {name: max(0.0, own) * 1e-6 for name, own in middle_of_each(host).items()}
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
