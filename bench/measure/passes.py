"""From a case to its records: one pass per kind of figure, each in a process that does nothing else.

Everything here runs in the fresh process that `launching` starts for one task.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import torch

from bench.devices import Device
from bench.measure import exact
from bench.measure.answers import check_begun, check_last, judge_changed, kept, unchecked
from bench.measure.audit.auditing import audit
from bench.measure.first_call import Begun, begin, first_call_records
from bench.measure.machine import References, Watch
from bench.measure.task import Task, build, compiles, failure, subject_of
from bench.measure.timer import Samples, clock_cost, each_call, sample
from bench.modes import compilations, torch_compile
from bench.modes.enter import entered
from bench.records.metrics import VARIES
from bench.records.record import Record
from workloads.base import Unavailable, Workload

NAMED = ("exact", "operators")  # passes, a compile study's too, that count or profile kernels, and time none
INT8_WORK = "arithmetic and bytes are counted of floating-point steps; the eager mode has them"

Pass: TypeAlias = Callable[[Task, Workload, Device, Record], list[Record]]


def perform(task: Task) -> list[Record]:
    """The task's records. Whatever the workload raises becomes a record that says so."""
    return guarded(task, PASSES[task.measure], MAIN_METRIC[task.measure])


def guarded(task: Task, measure: Pass, metric: str) -> list[Record]:
    """The records of a pass; `metric` is what it reports on when it fails."""
    blank = Record(run="", environment="", case=task.case, metric=metric, launch=task.launch)
    try:
        device, workload = subject_of(task)
        blank = replace(blank, item=workload.item)
        with entered(task.case.mode, task.case.threads, task.cache, task.headers, named=task.measure in NAMED):
            return measure(task, workload, device, blank)
    except Exception as error:  # a workload may raise anything; the other cases go on
        return [failure(blank, error)]


def conclude(
    task: Task, workload: Workload, device: Device, blank: Record, begun: Begun, samples: Samples
) -> list[Record]:
    """The records of a step that was timed. In the first launch, raises WrongAnswer when its answers were not right."""
    step = begun.step
    blank = replace(blank, items=step.items, data=step.data)
    random = begun.made is not None and step.random
    records = [
        replace(
            blank,
            values=samples.values,
            steps_per_value=samples.steps_per_value,
            warm_up_values=samples.warm_up_values,
            machine=samples.machine,
            readings=samples.readings,
            warnings=((torch_compile.FALLBACK_RANDOM,) if random else ()) + skipped(task.case.mode) + unchecked(step),
        ),
    ]
    records += first_call_records(task, blank, begun)
    if task.launch == 0:
        last = kept(step.run())
        final = compilations.counts() if begun.made else None
        check_begun(step, begun.answers)
        check_last(step, last)  # the steps between were timed
        if torch_compile.changed(task.case.mode):
            found = {"answer_error": judge_changed(task, workload, device, begun.answers, samples)}
            if begun.made and final:
                found |= {
                    "graphs": begun.made.graphs, "graph_breaks": begun.made.graph_breaks, "recompiles": final.recompiles
                }  # fmt: skip
            records += [replace(blank, metric=name, values=(float(value),)) for name, value in found.items()]
        doubts = audit(task, workload, device, step, samples.values)
        records[0] = replace(records[0], warnings=records[0].warnings + doubts)
    return records


def skipped(mode: str) -> tuple[str, ...]:
    """The warning of a step for which CUDA graphs were asked and not made."""
    count = compilations.skipped_graphs() if mode == torch_compile.CUDA_GRAPHS else 0
    return (f"{count} CUDA graphs were not made: what they would hold runs as compile does",) if count else ()


def timing_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """First call, then steady step time; then, in the first launch, whether the answers were right."""
    begun = begin(task, workload, device)
    watch, looks = Watch(), References(device.name)
    samples = sample(begun.step.run, device.clock, task.budget, looks.between)
    seen = replace(samples, machine=watch.facts(), readings=looks.readings(len(samples.values)))
    return conclude(task, workload, device, blank, begun, seen)


def memory_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """Peak memory of one step."""
    blank = replace(blank, warnings=())

    runs: list[Callable[[], object]] = []  # kept, so that its worker processes are there to be asked for

    def runner() -> Callable[[], object]:
        return build(workload, task.case, device).run

    def warm() -> Callable[[], object]:
        runs.append(exact.warmed(runner))
        return runs[-1]

    exact.forget_first(runner)
    peak = device.peak_memory(warm, warm_up_steps=0)
    if peak.allocated_bytes is None:
        raise Unavailable(peak.reason)
    if multiprocessing.active_children():  # how far ahead worker processes are at the peak is chance
        blank = replace(blank, warnings=(VARIES,))
    records = [replace(blank, values=(float(peak.allocated_bytes),))]
    further = {"reserved_memory": peak.reserved_bytes, "requested_memory": peak.requested_bytes}
    for metric, size in further.items():
        if size is not None:
            records.append(replace(blank, metric=metric, values=(float(size),)))
    return records


def work_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """What an uncompiled step computes and moves, and what training leads to in the case's own mode."""
    if task.case.mode == "int8":
        raise Unavailable(INT8_WORK)
    step = build(workload, task.case, device, mode="eager")
    blank = replace(blank, data=step.data)
    is_fused, uncompiled = torch_compile.changed(task.case.mode), contextlib.nullcontext()
    if compiles(workload):
        step.run()
        is_fused = is_fused or compilations.graphs() > 0
        # A compiled call under the counters would be counted in part and stay slow (pytorch#140909).
        uncompiled = torch.compiler.set_stance("force_eager")
    with uncompiled:
        records = exact.work_records(step.run, blank, device, is_fused)
    if step.outcome and torch_compile.changed(task.case.mode):
        step = build(workload, task.case, device)
    if step.outcome:
        tested = {"accuracy": getattr(step, "tested", 0) or None}
        found = step.outcome().items()
        records += [replace(blank, metric=name, values=(value,), items=tested.get(name)) for name, value in found]
    return records


def exact_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """All that can be counted of one step, and is the same in every process."""

    def builder(mode: str) -> Callable[[], Callable[[], object]]:
        return lambda: build(workload, task.case, device, mode=mode).run

    return exact.exact_records(blank, device, builder(task.case.mode), builder("eager"))


def latency_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """Seconds of single calls, each from its start until the device has its answer; and of them the clock's own."""
    step = build(workload, task.case, device)
    step.run()
    torch_compile.check_used(task.case.mode)
    values = each_call(step.run, device.clock, task.budget)
    waiting = (("clock", clock_cost(device.clock)),)
    if task.launch == 0:
        check_last(step)
    return [replace(blank, values=values, parts=waiting, items=step.items, data=step.data, warnings=unchecked(step))]


def training_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """Seconds from building the step to its first answer that reaches its target; the seed is the launch's number.

    A seed that does not get there has no value and a warning that says so.
    """
    start = device.clock()
    step = build(workload, task.case, device, seed=task.launch)
    if step.target is None or step.cap < 1:
        raise TypeError(f"{workload.name} has seeds, so its Step needs a target and a cap of at least 1")
    best = 0.0
    for _ in range(step.cap):
        answer = float(step.run())
        if answer >= step.target:
            return [replace(blank, values=(device.clock() - start,), data=step.data)]
        best = max(best, answer)
    why = f"never reached {step.target:g} within {step.cap} steps: seed {task.launch}, whose best was {best:.4g}"
    return [replace(blank, status="unavailable", reason=why, warnings=(why,), data=step.data)]


PASSES: dict[str, Pass] = {
    "time": timing_pass,
    "memory": memory_pass,
    "work": work_pass,
    "exact": exact_pass,
    "latency": latency_pass,
    "training": training_pass,
}

# The metric that a pass reports on when it has nothing else to say.
MAIN_METRIC = {
    "time": "step_time",
    "memory": "peak_memory",
    "work": "flops",
    "exact": "ops",
    "latency": "latency",
    "training": "time_to_accuracy",
}
