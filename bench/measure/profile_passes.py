"""Takes a case's profile: its traces, and the notes that say what they do not. One pass per question, each in a process
that does nothing else, since what shows one thing disturbs another.

timeline  operators with shapes, and kernels: the least disturbed times
stacks    Python's functions and modules, which make a step slower
memory    allocations from before the model was built, so that every tensor has a beginning
flops     an uncompiled step under a counter of FLOPs
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from torch.profiler import ProfilerActivity, profile, record_function, schedule

from bench.counts import flops
from bench.counts.modules import called_modules, flops_by_path, kinds_by_address, names_in_model, of_process
from bench.counts.torch_profiler import profiler, steps_for
from bench.devices import Device
from bench.measure import exact
from bench.measure.task import Task, build, subject_of
from bench.measure.timer import Budget, sample
from bench.modes import compilations, torch_compile
from bench.modes.enter import entered
from bench.records.errors import describe
from bench.records.profile_notes import MEMORY, STACKS, TIMELINE
from bench.records.record import Case
from workloads.base import Unavailable, Workload

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
    torch_compile.end_workers()
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
        addresses |= kinds_by_address(of_process(generates))
        profiled.toggle_collection_dynamic(True, [ProfilerActivity.CPU])
        with record_function(STEP_MARK):
            run()
            device.synchronize()
        addresses |= kinds_by_address(of_process(generates))
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
