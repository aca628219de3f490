"""Takes a case's profile: its traces, and the notes that say what they do not. One pass per question, each in a process
that does nothing else, since what shows one thing disturbs another.

timeline  operators with shapes, and kernels: the least disturbed times
stacks    Python's functions and modules, which make a step slower
memory    allocations from before the model was built, so that every tensor has a beginning
flops     an uncompiled step under a counter of FLOPs
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from torch.autograd import DeviceType  # type: ignore[attr-defined]  # not exported, but what events answer with
from torch.profiler import ProfilerActivity, profile, record_function, schedule

from bench.counts import flops
from bench.counts.modules import called_modules, flops_by_path, kinds_by_address, names_in_model
from bench.counts.torch_profiler import MARK, plain_name, profiler, steps_for
from bench.devices import Device
from bench.measure import exact
from bench.measure.passes import guarded
from bench.measure.task import Task, build, subject_of
from bench.measure.timer import Budget, sample
from bench.measure.turns import warm_up
from bench.modes import compilations, torch_compile
from bench.modes.enter import entered
from bench.records.errors import describe
from bench.records.profile_notes import MEMORY, STACKS, TIMELINE
from bench.records.record import OUTSIDE, Case, Record
from workloads.base import Unavailable, Workload

TIMES, CALLS = "operator_time", "ops"  # the metrics: seconds per step by part, and calls per step
MOST_STEPS_IN_PARTS = 30
MOST_SHAPES = 4  # of an operator's inputs that are named

WARM_UP_STEPS = 3
MOST_STEPS = 20
STEP_MARK = "ProfilerStep#0"  # what the profiler itself calls a step
STEP_BUDGET = Budget(sample_s=0.3)
NO_STACKS_COMPILED = "Python's functions are recorded of uncompiled steps: the compiler leaves none of them"

Found = dict[str, Any]  # fields of Notes


def perform(task: Task, folder: str) -> tuple[Found, str]:
    """In a fresh process: one pass, which leaves its trace in the folder. What it found out, or why it could not."""
    try:
        device, workload = subject_of(task)
        with entered(task.case.mode, task.case.threads, task.cache, named=True):
            return PASSES[task.measure](task.case, workload, device, Path(folder)), ""
    except Unavailable as why:
        return {}, str(why)
    except Exception as error:  # a workload may raise anything; the other passes and cases go on
        return {}, describe(error)


def timeline_pass(case: Case, workload: Workload, device: Device, folder: Path) -> Found:
    """The step's time without the profiler, then a trace of some steps."""
    step = build(workload, case, device)
    run = step.run
    for _ in range(WARM_UP_STEPS):
        run()
    found: Found = {"items": step.items, "item": workload.item, "data": step.data}
    torch_compile.check_used(case.mode)
    if torch_compile.compiled(case.mode):
        found["graphs"] = compilations.counts().graphs
    values = sample(run, device.clock, STEP_BUDGET).values
    trace_steps(run, device, steps_for(median(values), MOST_STEPS), folder / TIMELINE, record_shapes=True)
    if torch_compile.compiled(case.mode):
        last = compilations.counts()
        found |= {"graph_breaks": last.breaks, "recompiles": last.recompilations}
    return {**found, "step_values_s": values}


def stacks_pass(case: Case, workload: Workload, device: Device, folder: Path) -> Found:
    """A trace of fewer steps with Python's functions, and the modules' names in the model."""
    if torch_compile.generates(case.mode):
        raise Unavailable(NO_STACKS_COMPILED)
    run = build(workload, case, device).run
    run()
    with called_modules() as called:
        run()
    step_s = min(sample(run, device.clock, Budget(0.0, 0.05, 1, 3)).values)
    trace_steps(run, device, max(1, steps_for(step_s, MOST_STEPS) // 3), folder / STACKS, with_stack=True)
    return {"module_names": names_in_model(called)}


def memory_pass(case: Case, workload: Workload, device: Device, folder: Path) -> Found:
    """A trace of one step with all allocations since before its tensors existed, and which tensors are what."""
    if device.memory_in_traces is None:
        raise Unavailable(f"the profiler does not record allocations on {device.name}")
    generates = torch_compile.generates(case.mode)

    def runner() -> Callable[[], object]:
        return build(workload, case, device).run

    exact.forget_first(runner)
    addresses: dict[int, str] = {}
    # The compiler's own thousands of Python functions would be recorded with a compiled step.
    with profiler(device.activities(), profile_memory=True, with_stack=not generates) as profiled:
        profiled.toggle_collection_dynamic(False, [ProfilerActivity.CPU])  # operators, not allocations
        run = exact.warmed(runner)
        addresses |= kinds_by_address(generates)
        profiled.toggle_collection_dynamic(True, [ProfilerActivity.CPU])
        with record_function(STEP_MARK):
            run()
            device.synchronize()
        addresses |= kinds_by_address(generates)
    profiled.export_chrome_trace(str(folder / MEMORY))
    return {
        "memory_device": device.memory_in_traces,
        "addresses": {str(address): kind for address, kind in addresses.items()},
    }


def flops_pass(case: Case, workload: Workload, device: Device, folder: Path) -> Found:
    """What an uncompiled step computes, by operator and by module."""
    run = build(workload, case, device, mode="eager").run
    precisions: dict[str, str] = {}

    def note(operator: str, dtype: str, count: int) -> None:
        precisions[exact.operator_name(operator)] = device.precision_of(dtype, "convolution" in operator)

    counter = flops.counter(note)
    with called_modules() as called, counter:
        run()
    counts = counter.get_flop_counts()
    by_operator = {exact.operator_name(operator): n for operator, n in counts.get("Global", {}).items() if n}
    if not by_operator:
        raise Unavailable("FLOPs are counted for products, convolutions and attention; it has none")
    return {"flops": by_operator, "precisions": precisions, "module_flops": flops_by_path(called, counts)}


PASSES: dict[str, Callable[[Case, Workload, Device, Path], Found]] = {
    "timeline": timeline_pass,
    "stacks": stacks_pass,
    "memory": memory_pass,
    "flops": flops_pass,
}


def trace_steps(run: Callable[[], object], device: Device, steps: int, path: Path, **options: bool) -> None:
    """Write a trace of so many steps. They follow each other without waiting for the device, as in training."""
    plan = schedule(wait=0, warmup=WARM_UP_STEPS, active=steps, repeat=1)

    def export(profiled: profile) -> None:
        profiled.export_chrome_trace(str(path))

    with profiler(device.activities(), schedule=plan, on_trace_ready=export, **options) as profiled:
        for number in range(WARM_UP_STEPS + steps):
            if number == WARM_UP_STEPS:
                device.synchronize()  # else work of the warm-up would run on into the steps that are recorded
            run()
            profiled.step()  # after the last, the profiler itself waits for the device


def perform_parts(task: Task) -> list[Record]:
    """Both records of a case's parts; whatever the workload raises becomes a record that says so."""
    return guarded(task, parts_pass, TIMES)


def parts_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """Seconds and calls per step of a warm step by part; the seconds sum to the step, the profiler's cost in each."""
    run = build(workload, task.case, device).run
    run()
    steps = steps_for(warm_up(run, device.clock), MOST_STEPS_IN_PARTS)
    with profiler(device.activities(), record_shapes=True) as profiled:
        for _ in range(steps):
            with record_function(MARK):
                run()
                device.synchronize()
    host: Counter[str] = Counter()
    kernels: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    whole = 0.0
    for event in profiled.key_averages(group_by_input_shape=True):
        name = plain_name(event.key)
        if event.key == MARK:
            whole += event.cpu_time_total if event.device_type == DeviceType.CPU else 0.0
        elif event.device_type != DeviceType.CPU:
            kernels[name] += 0 if event.is_user_annotation else event.self_device_time_total
        elif event.self_cpu_time_total > 0:
            part = f"{name}{shaped(event.input_shapes)}"
            host[part] += event.self_cpu_time_total
            calls[part] += event.count
    found = kernels if +kernels else host  # what a device did is not to be counted again where the host waits for it
    seconds = {name: taken * 1e-6 / steps for name, taken in found.items()}
    seconds[OUTSIDE] = max(0.0, whole * 1e-6 / steps - sum(seconds.values()))
    each = {name: count / steps for name, count in calls.items()}
    return [
        replace(blank, metric=TIMES, values=(sum(seconds.values()),), steps_per_value=steps, parts=in_order(seconds)),
        replace(blank, metric=CALLS, values=(sum(each.values()),), parts=in_order(each)),
    ]


def in_order(parts: dict[str, float]) -> tuple[tuple[str, float], ...]:
    """Parts by name."""
    return tuple(sorted(parts.items()))


def shaped(shapes: Iterable[object]) -> str:
    """The shapes of an operator's inputs as ' 64x512 512x512'; empty where it has none."""
    known = [shape for shape in shapes or () if isinstance(shape, (list, tuple)) and shape]
    texts = ["x".join(map(str, shape)) for shape in known if all(isinstance(size, int) for size in shape)]
    more = " …" if len(texts) > MOST_SHAPES else ""
    return "".join(f" {text}" for text in texts[:MOST_SHAPES]) + more
