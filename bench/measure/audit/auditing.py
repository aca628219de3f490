"""One step that was timed, asked all that would show that its times are not what its work takes.

What is asked first is cheap; what takes a while is asked of steps that do not.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Sequence

from bench.devices import Device
from bench.measure.audit import elsewhere, looks
from bench.measure.audit.bindings import replaced
from bench.measure.audit.inputs import Inputs, shared
from bench.measure.task import Task, build
from bench.modes import torch_compile
from bench.records.errors import NotBelieved
from workloads.base import Step, Unavailable, Workload

SHORT_STEP_S = 0.02  # a step up to this long is asked everything
STILL_WARMING = 3.0  # times as long the first quarter of the values is as the last, with none between that is not
FEWEST_VALUES = 8


def audit(task: Task, workload: Workload, device: Device, step: Step, values: Sequence[float]) -> None:
    """Raise NotBelieved, which says why, when the times of a step are not those of its work.

    values: seconds per step, in the order taken. Comes last: it leaves the step's tensors as they were, and its
    generators of random numbers not.
    """
    if label := replaced():
        raise NotBelieved(f"{label} was replaced by the workload")
    still_warming_up(values)
    step_s = statistics.median(values)
    looks.of_its_kind(step, task.case, device)
    looks.not_lazy(step, device)
    looks.looked_at(step)
    looks.check_refuses(step)
    at_once(task, device, step)
    if step_s > SHORT_STEP_S:
        return
    inputs = Inputs(shared(step.run, step.check or step.check_first, getattr(step, "inputs", ())))
    if step.check:
        looks.on_other_inputs(step, inputs)
        looks.as_fast_on_new_inputs(step, inputs, device)
        looks.without_leftovers(step, inputs.tensors)
    by_itself(step, step_s)
    if not torch_compile.changed(task.case.mode):
        with contextlib.suppress(Unavailable):
            looks.still_at_work(step, build(workload, task.case, device, seed=1))


def still_warming_up(values: Sequence[float]) -> None:
    """A step that gets faster for as long as it is timed has no step time yet."""
    quarter = len(values) // 4
    if len(values) < FEWEST_VALUES:
        return
    first, last = statistics.median(values[:quarter]), statistics.median(values[-quarter:])
    if first > STILL_WARMING * last and min(values[:quarter]) > max(values[-quarter:]):
        raise NotBelieved(f"it was still warming up: from {first:.3g} s at first to {last:.3g} s at last")


def at_once(task: Task, device: Device, step: Step) -> None:
    """Nothing goes on after the answer. Of more threads than one, those that have done their part wait by spinning."""
    if device.name == "cpu" and task.case.threads == 1 and elsewhere.after_the_answer(step.run) > elsewhere.GOES_ON:
        raise NotBelieved("another thread goes on working after its answer")


def by_itself(step: Step, step_s: float) -> None:
    """No other process works for the step, and none of its work is put off until garbage is collected."""
    if elsewhere.helped_by(step.run, step_s):
        raise NotBelieved("a process that it started works for it")
    share = elsewhere.garbage_share(step.run, step_s)
    if share > elsewhere.PUT_OFF:
        raise NotBelieved(f"it leaves garbage behind, whose collection takes {share:.0%} of a step")
