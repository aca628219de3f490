"""From a case to its records: one pass per kind of figure, each in a process that does nothing else.

Everything here runs in the fresh process that `launching` starts for one task.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from bench import compiling, converting, exact
from bench.describing import describe
from bench.devices import DEVICES, Device
from bench.record import Case, Record
from bench.sampling import Budget, Samples, each_call, sample
from bench.steadying import steady
from workloads.base import WORKLOADS, Setup, Step, Unavailable, Workload, WrongAnswer, load_suite
from workloads.checks import RELATIVE_TOLERANCE, relative_error

ANSWERS = 3  # first answers that are checked; the second and third show what the first updates did
CHEAP_STEP_S = 0.2  # a step up to this long is computed again in float64 when eager and compiled disagree


INT8_WORK = "arithmetic and bytes are counted of floating-point steps; the eager mode has them"


@dataclass(frozen=True, slots=True)
class Task:
    """One pass of one launch of one case. `cache` is the compilers' folder, `cold` whether it is still empty."""

    case: Case
    measure: str
    launch: int = 0
    budget: Budget = field(default_factory=Budget)
    cache: str = ""
    cold: bool = True
    module: str | None = None


Pass: TypeAlias = Callable[[Task, Workload, Device, Record], list[Record]]


def find_workload(task: Task) -> Workload:
    """The workload a task names, after importing the module that defines it."""
    if task.module is None:
        return load_suite()[task.case.workload]
    importlib.import_module(task.module)
    return WORKLOADS[task.case.workload]


def perform(task: Task) -> list[Record]:
    """The task's records. Whatever the workload raises becomes a record that says so."""
    return guarded(task, PASSES[task.measure], MAIN_METRIC[task.measure])


def guarded(task: Task, measure: Pass, metric: str) -> list[Record]:
    """The records of a pass; `metric` is what it reports on when it fails."""
    blank = Record(run="", environment="", case=task.case, metric=metric, launch=task.launch)
    try:
        device = DEVICES[task.case.device]
        reason = device.unavailable_reason()
        if reason:
            raise Unavailable(reason)
        if task.cache:
            compiling.use_cache(Path(task.cache))
        torch.set_num_threads(task.case.threads)
        workload = find_workload(task)
        check_defined(workload, task.case)
        blank = replace(blank, item=workload.item)
        with steady():
            return measure(task, workload, device, blank)
    except Unavailable as why:
        return [replace(blank, status="unavailable", reason=str(why))]
    except WrongAnswer as why:
        return [replace(blank, status="broken", reason=f"wrong answer: {why}")]
    except Exception as error:  # a workload may raise anything; the other cases go on
        return [replace(blank, status="broken", reason=describe(error))]


def check_defined(workload: Workload, case: Case) -> None:
    """Raise Unavailable for a mode or dtype that the workload is not made for."""
    if compiling.changed(case.mode):
        no_compiler = compiling.missing_compiler(case.device) if compiling.generates(case.mode) else ""
        if reason := workload.not_compiled or no_compiler:
            raise Unavailable(reason)
    if case.dtype not in workload.dtypes:
        raise Unavailable(f"{workload.name} is defined for {', '.join(workload.dtypes)}, not {case.dtype}")


def compiles(workload: Workload) -> bool:
    """Whether steps of the workload call torch.compile by themselves."""
    return getattr(workload, "compiles", False)


def build(
    workload: Workload, case: Case, device: Device, mode: str | None = None, dtype: str | None = None, seed: int = 0
) -> Step:
    """The case's step, or the same step in another mode or dtype, or from another seed."""
    mode = mode or case.mode
    setup = Setup(device.torch_device(), getattr(torch, dtype or case.dtype), compiling.MODES[mode], seed)
    if (tolerance := converting.TOLERANCE.get(mode)) is not None:
        setup = replace(setup, tolerance=tolerance)
    return workload.build(setup, **dict(case.point))


def timing_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """First call, then steady step time; then, in the first launch, whether the answers were right."""
    case = task.case
    is_compiled = compiling.compiled(case.mode)
    if is_compiled:
        compiling.use_eager_random()
    step = build(workload, case, device)
    if not isinstance(step.items, int) or step.items < 1:
        raise TypeError(f"Step(items={step.items!r}); items must be a whole number of at least 1")
    start = device.clock()
    answers = [step.run()]
    first_call_s = device.clock() - start
    answers = [kept(answers[0])]
    compiling.check_used(case.mode)
    counts = compiling.counts() if is_compiled else None
    if task.launch == 0:
        answers += [kept(step.run()) for _ in range(ANSWERS - 1)]
    samples = sample(step.run, device.clock, task.budget)
    last = kept(step.run())
    final = compiling.counts() if is_compiled else None

    blank = replace(blank, items=step.items, data=step.data)
    has_compiled = compiling.generates(case.mode) or (compiles(workload) and compiling.counts().graphs > 0)
    first_metric = "first_call" if task.cold or not has_compiled else "first_call_warm"
    records = [
        replace(
            blank,
            values=samples.values,
            steps_per_value=samples.steps_per_value,
            warm_up_values=samples.warm_up_values,
            warnings=(compiling.FALLBACK_RANDOM,) if is_compiled and step.random else (),
        ),
        replace(blank, metric=first_metric, values=(first_call_s,)),
    ]
    if task.launch == 0:
        if step.check:  # what ran last is checked too: the steps between were timed
            step.check(answers[0])
            step.check(last)
        if step.check_first:
            step.check_first(answers)
        if compiling.changed(case.mode):
            found = {"answer_error": judge_changed(task, workload, device, answers, samples)}
            if counts and final:
                found |= {
                    "graphs": counts.graphs, "graph_breaks": counts.graph_breaks, "recompiles": final.recompiles
                }  # fmt: skip
            records += [replace(blank, metric=name, values=(float(value),)) for name, value in found.items()]
    return records


def kept(answer: object) -> Tensor:
    """A copy of an answer that later steps cannot change. Raises TypeError for an answer that is no tensor."""
    if not isinstance(answer, Tensor):
        raise TypeError(f"run() gave {type(answer).__name__}; a step's run() must give back a tensor")
    return answer.detach().clone().cpu()


def judge_changed(
    task: Task, workload: Workload, device: Device, answers: list[Tensor], samples: Samples,
    eager: list[Tensor] | None = None,
) -> float:  # fmt: skip
    """Largest relative error of the mode's answers against eager's; raises WrongAnswer when it is not rounding.

    eager: eager's first answers, where they are known. Where the two disagree, float64 decides: rounding may make the
    mode's answer at most twice as wrong as eager's.
    """
    eager_step = build(workload, task.case, device, mode="eager")
    eager = eager or [kept(eager_step.run()) for _ in answers]
    error = max(relative_error(got, want) for got, want in zip(answers, eager, strict=True))
    allowed = max(RELATIVE_TOLERANCE.get(answer.dtype, 0.0) for answer in eager)
    allowed = max(allowed, converting.TOLERANCE.get(task.case.mode, 0.0))
    if error <= allowed:
        return error
    # A second opinion: only for steps without random numbers, on devices that have float64.
    if not eager_step.random and device.has_float64 and min(samples.values) <= CHEAP_STEP_S:
        exact_step = build(workload, task.case, device, mode="eager", dtype="float64")
        exact = [kept(exact_step.run()) for _ in answers]
        own = max(relative_error(got, want) for got, want in zip(eager, exact, strict=True))
        theirs = max(relative_error(got, want) for got, want in zip(answers, exact, strict=True))
        if theirs <= 2 * own + allowed:
            return error
    raise WrongAnswer(f"{task.case.mode} differs from eager by {error:.3g}, where at most {allowed:.3g} is rounding")


def memory_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """Peak memory of one step."""
    blank = replace(blank, warnings=())

    def runner() -> Callable[[], object]:
        return build(workload, task.case, device).run

    exact.forget_first(runner)
    peak = device.peak_memory(lambda: exact.warmed(runner), warm_up_steps=0)
    if peak.allocated_bytes is None:
        raise Unavailable(peak.reason)
    records = [replace(blank, values=(float(peak.allocated_bytes),))]
    if peak.reserved_bytes is not None:
        records.append(replace(blank, metric="reserved_memory", values=(float(peak.reserved_bytes),)))
    return records


def work_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """What an uncompiled step computes and moves, its FLOPs as FlopCounterMode has them, and what training leads to."""
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415 - imports triton, which no other pass needs

    if task.case.mode == "int8":
        raise Unavailable(INT8_WORK)
    step = build(workload, task.case, device, mode="eager")
    blank = replace(blank, data=step.data)
    # A compiled call first made under the counter would be counted in part and stay slow (pytorch#140909).
    uncompiled = torch.compiler.set_stance("force_eager") if compiles(workload) else contextlib.nullcontext()
    with uncompiled, FlopCounterMode(display=False) as counter:
        step.run()
    flops = counter.get_total_flops()
    # The counter knows products, convolutions and attention; a zero means that it knows nothing of this step.
    records = [
        replace(blank, values=(float(flops),))
        if flops
        else replace(blank, status="unavailable", reason="FLOPs are counted for products and convolutions; it has none")
    ]
    records += exact.traffic_records(step.run, blank, flops)
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
    """Seconds of single calls, each from its start until the device has its answer."""
    if compiling.compiled(task.case.mode):
        compiling.use_eager_random()
    step = build(workload, task.case, device)
    step.run()
    compiling.check_used(task.case.mode)
    values = each_call(step.run, device.clock, task.budget)
    if step.check:
        step.check(kept(step.run()))
    return [replace(blank, values=values, items=step.items, data=step.data)]


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
