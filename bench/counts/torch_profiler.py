"""One step under the profiler: what it allocates, which operators it calls, which kernels run. Takes no times.

The only file that knows the private results of torch's profiler. Reading events back is what costs, so operators are
recorded in the marked step only, and the events are gone through once.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch.autograd import DeviceType  # type: ignore[attr-defined]  # not exported, but what events answer with
from torch.profiler import ProfilerActivity, profile, record_function

from bench.records.profile_notes import ALLOCATION
from bench.records.record import OUTSIDE

Run = Callable[[], object]

MARK = "torchpace.measured_step"
CALL = 0  # the scope (at::RecordScope::FUNCTION) of operators; autograd's nodes and annotations have others
ENGINE = "autograd::engine"  # the engine's own bookkeeping, in the same scope
# Inductor's kernels for the CPU report themselves when `use_named_kernels` was called before compiling. The number of
# the graph, which counts what the process compiled before, is left out.
GENERATED = re.compile(r"(?:graph_\d+_)?(cpp_\w+)")
DIGEST = re.compile(r" f[0-9a-z]{20,}| ## Call | ##|## Call |## ")  # around the names of compiled graphs
PROFILED_S = 0.3  # as many steps are profiled as fit in here without the profiler
COPIES = ("Memcpy", "Memset")  # on a GPU's timeline, but no kernels


@dataclass(frozen=True, slots=True)
class ProfiledStep:
    """What happened until the marked step was over.

    changes: (time in ns, bytes allocated or, negative, freed) on the CPU, in order of time. mark: (start, end) in ns.
    operators: calls by name. generated: calls by name of kernels that Inductor made for the CPU. launched: kernels by
    name that another device ran. The three are of the marked step.
    """

    changes: Sequence[tuple[int, int]]
    mark: tuple[int, int]
    operators: Counter[str]
    generated: Counter[str]
    launched: Counter[str]


def profiled_step(build: Callable[[], Run], warm_up_steps: int) -> ProfiledStep:
    """Build, warm up and run one marked step on the CPU, all under the profiler.

    Allocations are recorded from the start on, since the profiler does not report frees of blocks it has not seen.
    """
    with profiler([ProfilerActivity.CPU], profile_memory=True) as profiled:
        profiled.toggle_collection_dynamic(False, [ProfilerActivity.CPU])  # operators, not allocations
        run = build()
        for _ in range(warm_up_steps):
            run()
        profiled.toggle_collection_dynamic(True, [ProfilerActivity.CPU])
        with record_function(MARK):
            run()
    return sorted_out(events_of(profiled))


def profiled_calls(run: Run, synchronize: Callable[[], None], activities: Sequence[ProfilerActivity]) -> ProfiledStep:
    """Run one step that is already warm, with the operators and whatever kernels the activities show."""
    with profiler(activities) as profiled, record_function(MARK):
        run()
        synchronize()  # kernels that have not run yet would be missing
    return sorted_out(events_of(profiled))


def steps_for(step_s: float, most: int) -> int:
    """How many steps of this length are profiled; at most so many, since events cost memory."""
    return max(1, min(most, round(PROFILED_S / max(step_s, 1e-9))))


def operator_times(
    run: Run, synchronize: Callable[[], None], activities: Sequence[ProfilerActivity], steps: int
) -> dict[str, float]:
    """Seconds per step of a warm step by operator and kernel, with what lies outside of all; they sum to the step.

    A device's kernels count as long as the device ran them, an operator on the CPU without those within it. The
    profiler's own cost is in each: the figures say where the time goes, and not how much there is of it.
    """
    with profiler(activities) as profiled:
        for _ in range(steps):
            with record_function(MARK):
                run()
                synchronize()
    host: dict[str, float] = {}
    device: dict[str, float] = {}
    whole = 0.0
    for event in profiled.key_averages():
        name = plain_name(event.key)
        if event.key == MARK and event.device_type == DeviceType.CPU:
            whole += event.cpu_time_total * 1e-6 / steps
        elif event.device_type != DeviceType.CPU:
            if event.key != MARK and not event.is_user_annotation:
                device[name] = device.get(name, 0.0) + event.self_device_time_total * 1e-6 / steps
        elif event.self_cpu_time_total > 0:
            host[name] = host.get(name, 0.0) + event.self_cpu_time_total * 1e-6 / steps
    # Work that a device did is not to be counted a second time where the host waits for it.
    found = device or host
    return {**found, OUTSIDE: max(0.0, whole - sum(found.values()))}


def plain_name(name: str) -> str:
    """The name of an operator or kernel, without the numbers and digests that differ from process to process."""
    found = GENERATED.fullmatch(name)
    return found[1] if found else DIGEST.sub("", name).strip()


def profiler(activities: Sequence[ProfilerActivity], **options: Any) -> profile:
    """A profiler that does not write to stderr; the options are torch.profiler.profile's."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    return profile(activities=activities, **options)


def events_of(profiled: profile) -> Iterable[Any]:
    """The profiler's raw events, each to be asked for its name, scope, times and so on."""
    assert profiled.profiler is not None
    results = profiled.profiler.kineto_results
    assert results is not None
    return results.events()


def sorted_out(events: Iterable[Any]) -> ProfiledStep:
    """The raw events by what they say."""
    changes, mark = [], (0, 0)
    calls: Counter[str] = Counter()
    launched: Counter[str] = Counter()
    for event in events:
        name = event.name()
        if name == ALLOCATION:
            if event.device_type() == DeviceType.CPU:
                changes.append((event.start_ns(), event.nbytes()))
        elif event.device_type() != DeviceType.CPU:
            if not event.is_user_annotation() and not name.startswith(COPIES):
                launched[name] += 1
        elif name == MARK:
            mark = (event.start_ns(), event.start_ns() + event.duration_ns())
        elif event.scope() == CALL:
            calls[name] += 1
    operators = Counter({n: count for n, count in calls.items() if "::" in n and not n.startswith(ENGINE)})
    return ProfiledStep(
        sorted(changes, key=lambda change: change[0]), mark, operators, generated_kernels(calls), launched
    )


def generated_kernels(calls: Counter[str]) -> Counter[str]:
    """The calls that are Inductor's kernels for the CPU, by a name that says what each fuses."""
    kernels: Counter[str] = Counter()
    for name, count in calls.items():
        if found := GENERATED.fullmatch(name):
            kernels[found[1]] += count
    return kernels
