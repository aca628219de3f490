"""One step that was timed, asked all that would show that its times are not what its work takes.

What is asked first is cheap; what takes a while is asked of steps that do not.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from bench.devices import Device
from bench.measure.answers import kept
from bench.measure.audit import elsewhere, looks
from bench.measure.audit.bindings import replaced
from bench.measure.audit.inputs import Inputs, shared
from bench.measure.task import Task, build, compiles
from bench.modes import torch_compile
from bench.records.errors import NotBelieved
from workloads.base import Step, Unavailable, Workload

# A step up to so long is asked everything; up to the second, what takes few calls; up to the third, a single redrawing.
CHEAP_S, SHORT_S, LONG_S = 0.005, 0.03, 0.1
MOMENTS = 4  # after answers, for which is waited
STILL_WARMING = 3.0  # times as long the first quarter of the values is as the last, and
FALLING = 1.1  # each quarter as the next: a neighbour who leaves makes steps faster once
FEWEST_VALUES = 8


def audit(task: Task, workload: Workload, device: Device, step: Step, values: Sequence[float]) -> tuple[str, ...]:
    """Warnings of what could not be seen. Raises NotBelieved, which says why, when times are not those of the work.

    values: seconds per step, in the order taken. Comes last: it leaves the step's tensors as they were, and its
    generators of random numbers not.
    """
    if label := replaced():
        raise NotBelieved(f"{label} was replaced by the workload")
    still_warming_up(values)
    step_s = statistics.median(values)
    calls = looks.LOOKS if step_s <= CHEAP_S else 1
    answer = step.run()
    at_once(task, device, step, MOMENTS if step_s <= LONG_S else 1)
    looks.of_its_kind(step, answer, task.case, device)
    looks.not_lazy(step, answer, device)
    warnings = looks.check_refuses(step, kept(answer))
    del answer
    if step_s <= LONG_S:
        looks.looked_at(step, calls)
    inputs = Inputs(inputs_of(task, step) if step_s <= LONG_S else ())
    looks.on_other_inputs(step, inputs, calls)
    if step_s <= CHEAP_S:
        looks.as_fast_on_new_inputs(step, inputs, device)
        by_itself(step, step_s)
    is_eager = not torch_compile.changed(task.case.mode) and not compiles(workload)
    if step_s <= CHEAP_S and is_eager:  # what a replayed graph answers may not be touched
        looks.without_leftovers(step, inputs.tensors)
    if step_s <= SHORT_S and is_eager:
        with contextlib.suppress(Unavailable):
            if step.check:
                looks.follows(step, inputs, build(workload, task.case, device, seed=1))
            looks.still_at_work(step, build(workload, task.case, device, seed=1), calls)
    return warnings


def inputs_of(task: Task, step: Step) -> Sequence[Tensor]:
    """The tensors in which other numbers may be drawn. Modes that make another program keep the weights of before."""
    found = shared(step.run, step.check, getattr(step, "inputs", ()))
    is_another = torch_compile.changed(task.case.mode) and not torch_compile.compiled(task.case.mode)
    return [tensor for tensor in found if not (is_another and isinstance(tensor, nn.Parameter))]


def still_warming_up(values: Sequence[float]) -> None:
    """A step that gets faster for as long as it is timed has no step time yet."""
    count = len(values) // 4
    if len(values) < FEWEST_VALUES:
        return
    quarters = [statistics.median(values[number * count : (number + 1) * count]) for number in range(4)]
    first, last = quarters[0], quarters[-1]
    if first > STILL_WARMING * last and all(one > FALLING * other for one, other in pairwise(quarters)):
        raise NotBelieved(f"it was still warming up: from {first:.3g} s at first to {last:.3g} s at last")


def at_once(task: Task, device: Device, step: Step, calls: int) -> None:
    """Nothing goes on after the answer. Of more threads than one, those that have done their part wait by spinning."""
    if (
        device.name == "cpu"
        and task.case.threads == 1
        and elsewhere.after_the_answer(step.run, calls) > elsewhere.GOES_ON
    ):
        raise NotBelieved("another thread goes on working after its answer")


def by_itself(step: Step, step_s: float) -> None:
    """No other process works for the step, and none of its work is put off until garbage is collected."""
    if elsewhere.helped_by(step.run, step_s):
        raise NotBelieved("a process that it started works for it")
    share = elsewhere.garbage_share(step.run, step_s)
    if share > elsewhere.PUT_OFF:
        raise NotBelieved(f"it leaves garbage behind, whose collection takes {share:.0%} of a step")
