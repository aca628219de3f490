"""The passes of a compile study that a run does not have: eager and compiled in turns, first calls, losses, sizes.

Each runs in a fresh process. What the records say is for `reports` to judge.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace

from bench.counts.torch_profiler import operator_times, steps_for
from bench.devices import Device
from bench.measure import exact
from bench.measure.answers import CHEAP_STEP_S, check_begun, check_last, judge_changed, kept, unchecked
from bench.measure.audit.auditing import audit
from bench.measure.first_call import Begun, begin, first_call_records
from bench.measure.passes import Pass, guarded
from bench.measure.task import Task, build, setup_on
from bench.measure.timer import Samples
from bench.measure.turns import Shape, alternate, warm_up
from bench.modes import compilations, torch_compile
from bench.records.record import Record
from workloads.base import Step, Unavailable, Workload
from workloads.checks import relative_error

# Several launches of a second are what a case may take.
SHAPE = Shape(rounds=40, fewest_rounds=3, trial_s=1.0, long_trial_s=1.5)
MOST_PROFILED_STEPS = 50
SIZES = (3, 7, 12, 20, 33)  # batches that are tried in turn after the workload's own; 1 would always be special
LONG_STEP_S = 0.4  # of eager: most beyond it are whole loops, and counting them once more costs a compilation too many
LONG = f"a step over {LONG_STEP_S:g} s is not counted apart; `torchpace run` takes its peak memory"
LONG_PROFILE = f"a step over {LONG_STEP_S:g} s; `torchpace profile NAME --mode compile` says where its time goes"
NO_SIZES = "the workload does not say how its step takes a batch of another size (Step.resized)"


def perform_study(task: Task) -> list[Record]:
    """The records of one of this file's passes; whatever the workload raises becomes a record that says so."""
    return guarded(task, STUDY_PASSES[task.measure], STUDY_METRIC[task.measure])


def turns_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """Eager and compiled in one process: first calls, then step times in turns, then whether the answers were right.

    Which is built first changes from launch to launch: what is built second gets other memory, and of some steps that
    alone is worth a percent.
    """
    modes = ("eager", task.case.mode)[:: -1 if task.launch % 2 else 1]
    built = [begin(task, workload, device, mode) for mode in modes]
    eager, compiled = built[:: -1 if task.launch % 2 else 1]
    records = first_calls(task, blank, eager, compiled)
    values, steps = in_turns(eager.step, compiled.step, device)
    for subject, own in zip((eager, compiled), values, strict=True):
        check_begun(subject.step, subject.answers)
        check_last(subject.step)
        named = replace(
            of(blank, subject), values=own, steps_per_value=steps, warnings=warnings_of(subject),
            turns=compiled.mode if subject is eager else eager.mode,
        )  # fmt: skip
        records.append(named)
    if task.launch == 0 and torch_compile.changed(compiled.mode):
        if is_long(records):
            records += long_records(of(blank, compiled), compiled)
        records += answer_records(task, workload, device, blank, (eager, compiled), values)
    if task.launch == 0:
        audit(task, workload, device, compiled.step, values[1])
    return records


def is_long(records: list[Record]) -> bool:
    """Whether the eager step among the records is too long for what is counted apart."""
    return any(
        record.metric == "step_time" and record.case.mode == "eager" and min(record.values, default=0.0) > LONG_STEP_S
        for record in records
    )


def long_records(blank: Record, compiled: Begun) -> list[Record]:
    """What was compiled, of a long step, and that the rest is not counted."""
    missing = [exact.missing(blank, metric, LONG) for metric in ("kernels", "peak_memory")]
    made = exact.compile_records(blank, compiled.made, compilations.counts()) if compiled.made else []
    return [*made, *missing]


def of(blank: Record, subject: Begun) -> Record:
    """The blank record for one of the two modes."""
    case = replace(blank.case, mode=subject.mode)
    return replace(blank, case=case, items=subject.step.items, data=subject.step.data)


def warnings_of(subject: Begun) -> tuple[str, ...]:
    """What a reader of a step time should know."""
    found = unchecked(subject.step)
    if not torch_compile.compiled(subject.mode):
        return found
    of_compiling = (torch_compile.FALLBACK_RANDOM if subject.step.random else "", compilations.limit_warning())
    return found + tuple(text for text in of_compiling if text)


def first_calls(task: Task, blank: Record, eager: Begun, compiled: Begun) -> list[Record]:
    """The first call of either mode; the compiled one by phase."""
    subjects = (eager, compiled) if torch_compile.changed(compiled.mode) else (eager,)
    return [record for each in subjects for record in first_call_records(task, of(blank, each), each)]


def in_turns(eager: Step, compiled: Step, device: Device) -> tuple[list[tuple[float, ...]], int]:
    """Seconds per step of both, turn by turn, and the steps of a turn; the order within each round is drawn."""
    steps = (eager, compiled)
    settled = [warm_up(step.run, device.clock) for step in steps]
    count, rounds = SHAPE.plan(math.exp(sum(map(math.log, settled)) / len(settled)))
    runs = [step.run for step in steps]
    return alternate(runs, (count, count), rounds, device.clock, random.Random()), count


def answer_records(
    task: Task, workload: Workload, device: Device, blank: Record, subjects: tuple[Begun, Begun],
    values: list[tuple[float, ...]],
) -> list[Record]:  # fmt: skip
    """How far the compiled answers are from eager's, and both from float64's. Raises WrongAnswer."""
    eager, compiled = subjects
    error = judge_changed(task, workload, device, compiled.answers, Samples(values[1], 1, ()), eager.answers)
    records = [replace(of(blank, compiled), metric="answer_error", values=(error,))]
    if reason := without_float64(eager.step, device, min(values[0])):
        return [*records, exact.missing(of(blank, compiled), "answer_error_float64", reason)]
    step = build(workload, task.case, device, mode="eager", dtype="float64")
    right = [kept(step.run()) for _ in eager.answers]
    for subject in subjects:
        far = max(relative_error(got, want) for got, want in zip(subject.answers, right, strict=True))
        if math.isfinite(far):
            records.append(replace(of(blank, subject), metric="answer_error_float64", values=(far,)))
    return records


def without_float64(step: Step, device: Device, step_s: float) -> str:
    """Why answers are not compared with float64's; empty where they are."""
    if step.random:
        return "its answers depend on random numbers, which float64 draws differently"
    if not device.has_float64:
        return f"{device.name} has no float64"
    return "a step this long is not computed again in float64" if step_s > CHEAP_STEP_S else ""


def cold_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """First calls only, with a cache folder that is empty."""
    eager = begin(task, workload, device, "eager")
    return first_calls(task, blank, eager, begin(task, workload, device))


def operators_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """Where a step's time goes in either mode, under the profiler."""
    return [profiled(workload, device, replace(blank, case=replace(task.case, mode=mode)))
            for mode in ("eager", task.case.mode)]  # fmt: skip


def profiled(workload: Workload, device: Device, blank: Record) -> Record:
    """Seconds per step of the blank record's case by operator and kernel."""
    step = build(workload, blank.case, device)
    step.run()
    step_s = warm_up(step.run, device.clock)
    steps = steps_for(step_s, MOST_PROFILED_STEPS)
    parts = operator_times(step.run, device.synchronize, device.activities(), steps)
    values = (sum(parts.values()),)
    return replace(blank, values=values, steps_per_value=steps, items=step.items, parts=tuple(sorted(parts.items())))


def sizes_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """How often Dynamo compiles again over batches of other sizes, under each setting of `dynamic`."""
    again: dict[str, int] = {}
    for variant in torch_compile.DYNAMIC:
        torch_compile.forget()
        setup = setup_on(device, task.case.dtype, torch_compile.guarding(variant))
        step = workload.build(setup, **dict(task.case.point))
        if step.resized is None:
            raise Unavailable(NO_SIZES)
        step.run()
        for run in [step.resized(size) for size in SIZES]:
            run()
        again[variant] = compilations.counts().recompiles
    return [exact.counted(blank, "shape_recompiles", again)]


STUDY_PASSES: dict[str, Pass] = {
    "turns": turns_pass,
    "cold": cold_pass,
    "operators": operators_pass,
    "sizes": sizes_pass,
}

# The metric that a pass reports on when it has nothing else to say.
STUDY_METRIC = {
    "turns": "step_time",
    "cold": "first_call",
    "operators": "operator_time",
    "sizes": "shape_recompiles",
}
