"""Takes a case's profile: its traces, and the notes that say what they do not. One pass per question, each in a process
that does nothing else, since what shows one thing disturbs another.

timeline  operators with shapes, and kernels: the least disturbed times
stacks    Python's functions and modules, which make a step slower
memory    allocations from before the model was built, so that every tensor has a beginning
flops     an uncompiled step under FlopCounterMode
"""

from __future__ import annotations

import contextlib
import gc
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.profiler import ProfilerActivity, profile, record_function, schedule

from bench import compiling, exact
from bench.describing import describe
from bench.devices import DEVICES, Device
from bench.launching import Death, Launcher
from bench.notes import FILE, MEMORY, STACKS, TIMELINE, Notes
from bench.profiled import profiler
from bench.record import Case
from bench.sampling import Budget, sample
from bench.steadying import steady
from bench.tasks import Task, build, check_defined, find_workload
from workloads.base import Unavailable, Workload

WARM_UP_STEPS = 3
PROFILED_S = 0.3  # as many steps are profiled as fit in here without the profiler
MOST_STEPS = 20
STEP_MARK = "ProfilerStep#0"  # what the profiler itself calls a step
STEP_BUDGET = Budget(sample_s=0.3)
NO_STACKS_COMPILED = "Python's functions are recorded of uncompiled steps: the compiler leaves none of them"

Found = dict[str, Any]  # fields of Notes


@dataclass(frozen=True, slots=True)
class Profiled:
    """A profile that was taken into a folder: its notes, or why there are none."""

    case: Case
    notes: Notes | None
    reason: str = ""


def take(launcher: Launcher, task: Task, notes: Notes, folder: Path, tick: Callable[[], object]) -> Profiled:
    """Take every pass of a case into the folder; `tick` is called after each. The first must work."""
    folder.mkdir(parents=True, exist_ok=True)
    method = DEVICES[task.case.device].start_method
    missing: dict[str, str] = {}
    for name in (FILE, TIMELINE, STACKS, MEMORY):  # of an earlier profile
        (folder / name).unlink(missing_ok=True)
    for name in PASSES:
        try:
            found, reason = launcher.call(method, perform, replace(task, measure=name), str(folder))
        except Death as death:
            found, reason = {}, death.reason
        tick()
        if reason:
            missing[name] = reason
            if name == "timeline":
                with contextlib.suppress(OSError):  # it holds what is not ours
                    folder.rmdir()
                return Profiled(task.case, None, reason)
        notes = replace(notes, **found)
    return Profiled(task.case, replace(notes, missing=missing))


def perform(task: Task, folder: str) -> tuple[Found, str]:
    """In a fresh process: one pass, which leaves its trace in the folder. What it found out, or why it could not."""
    try:
        device = DEVICES[task.case.device]
        if reason := device.unavailable_reason():
            raise Unavailable(reason)
        if task.cache:
            compiling.use_cache(Path(task.cache))
        torch.set_num_threads(task.case.threads)
        workload = find_workload(task)
        check_defined(workload, task.case)
        if compiling.generates(task.case.mode):
            compiling.use_named_kernels()
        with steady():
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
    compiling.check_used(case.mode)
    if compiling.compiled(case.mode):
        found["graphs"] = compiling.counts().graphs
    values = sample(run, device.clock, STEP_BUDGET).values
    trace_steps(run, device, steps_for(median(values)), folder / TIMELINE, record_shapes=True)
    if compiling.compiled(case.mode):
        last = compiling.counts()
        found |= {"graph_breaks": last.breaks, "recompiles": last.recompilations}
    return {**found, "step_values_s": values}


def stacks_pass(case: Case, workload: Workload, device: Device, folder: Path) -> Found:
    """A trace of fewer steps with Python's functions, and the modules' names in the model."""
    if compiling.generates(case.mode):
        raise Unavailable(NO_STACKS_COMPILED)
    run = build(workload, case, device).run
    run()
    with called_modules() as called:
        run()
    step_s = min(sample(run, device.clock, Budget(0.0, 0.05, 1, 3)).values)
    trace_steps(run, device, max(1, steps_for(step_s) // 3), folder / STACKS, with_stack=True)
    return {"module_names": names_in_model(called)}


def memory_pass(case: Case, workload: Workload, device: Device, folder: Path) -> Found:
    """A trace of one step with all allocations since before its tensors existed, and which tensors are what."""
    if device.memory_in_traces is None:
        raise Unavailable(f"the profiler does not record allocations on {device.name}")
    generates = compiling.generates(case.mode)

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
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415 - imports triton, which no other pass needs

    run = build(workload, case, device, mode="eager").run
    counter = FlopCounterMode(display=False)
    with called_modules() as called, counter:
        run()
    counts = counter.get_flop_counts()
    by_operator = {exact.operator_name(operator): n for operator, n in counts.get("Global", {}).items() if n}
    if not by_operator:
        raise Unavailable("FLOPs are counted for products, convolutions and attention; it has none")
    return {"flops": by_operator, "module_flops": flops_by_path(called, counts)}


PASSES: dict[str, Callable[[Case, Workload, Device, Path], Found]] = {
    "timeline": timeline_pass,
    "stacks": stacks_pass,
    "memory": memory_pass,
    "flops": flops_pass,
}


def steps_for(step_s: float) -> int:
    """How many steps of this length are profiled."""
    return max(1, min(MOST_STEPS, round(PROFILED_S / max(step_s, 1e-9))))


def trace_steps(run: Callable[[], object], device: Device, steps: int, path: Path, **options: bool) -> None:
    """Write a trace of so many steps. They follow each other without waiting for the device, as in training."""
    plan = schedule(wait=0, warmup=WARM_UP_STEPS, active=steps, repeat=1)

    def export(profiled: profile) -> None:
        profiled.export_chrome_trace(str(path))

    with profiler(device.activities(), schedule=plan, on_trace_ready=export, **options) as profiled:
        for number in range(WARM_UP_STEPS + steps):
            run()
            if number == WARM_UP_STEPS + steps - 1:
                device.synchronize()  # else the work still queued would be cut off
            profiled.step()


class called_modules:
    """Gathers the modules that are called, in the order of their first calls, each with its path of labels.

    A label is what the profiler calls a module: its class, and a number in the order of first calls that each class
    object counts by itself, so that two classes of one name have the same labels. The path tells them apart.
    """

    def __enter__(self) -> dict[str, nn.Module]:
        self.paths: dict[str, nn.Module] = {}
        self.labels: dict[int, str] = {}
        self.counts: dict[type, int] = {}
        self.around: list[str] = []
        self.hooks = (
            register_module_forward_pre_hook(self.enter),
            register_module_forward_hook(self.leave, always_call=True),
        )
        return self.paths

    def enter(self, module: nn.Module, _: object) -> None:
        """Before a call."""
        kind = type(module)
        if id(module) not in self.labels:
            self.labels[id(module)] = f"{kind.__name__}_{self.counts.get(kind, 0)}"
            self.counts[kind] = self.counts.get(kind, 0) + 1
        self.around.append(self.labels[id(module)])
        self.paths.setdefault("/".join(self.around), module)

    def leave(self, *_: object) -> None:
        """After a call, also one that raised."""
        self.around.pop()

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()


def names_in_model(called: Mapping[str, nn.Module]) -> dict[str, str]:
    """For each path the module's name in its model, such as 'conv1'; the class for a model itself."""
    inner = {id(child) for module in called.values() for child in module.modules() if child is not module}
    names: dict[int, str] = {}
    for module in called.values():
        if id(module) not in inner:
            for name, child in module.named_modules():
                names[id(child)] = name or type(module).__name__
    return {path: names.get(id(module), type(module).__name__) for path, module in called.items()}


def flops_by_path(called: Mapping[str, nn.Module], counts: Mapping[str, Mapping[Any, int]]) -> dict[str, int]:
    """What FlopCounterMode counted for each path. It goes by class and name: models that share these are left out."""
    inner = {id(child) for module in called.values() for child in module.modules() if child is not module}
    places: dict[str, set[int]] = {}
    for module in called.values():
        if id(module) not in inner:
            for name, child in module.named_modules():
                place = f"{type(module).__name__}.{name}" if name else type(module).__name__
                places.setdefault(place, set()).add(id(child))
    known = {next(iter(ids)): place for place, ids in places.items() if len(ids) == 1}
    return {
        path: sum(counts[known[id(module)]].values())
        for path, module in called.items()
        if known.get(id(module)) in counts
    }


def kinds_by_address(is_compiled: bool) -> dict[int, str]:
    """What the live tensors of training are, by the address of their storage."""
    gc.collect()
    found: dict[int, str] = {}
    for tensor in exact.learnable(is_compiled).values():
        if tensor.grad is not None:
            found[tensor.grad.untyped_storage().data_ptr()] = "gradients"
        found[tensor.untyped_storage().data_ptr()] = "parameters"
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.optim.Optimizer):
            for state in thing.state.values():
                for value in state.values():
                    if isinstance(value, torch.Tensor):
                        found[value.untyped_storage().data_ptr()] = "optimizer state"
    return found


def copy_for_tensorboard(folder: Path, top: Path, label: str) -> None:
    """Put the timeline where TensorBoard with torch-tb-profiler looks for it: a folder per run."""
    place = top / "tensorboard" / label
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / TIMELINE, place / "torchpace.pt.trace.json.gz")
