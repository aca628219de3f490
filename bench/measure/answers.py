"""Whether a step answered rightly by its own checks, and in another mode as eager does. Times nothing."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bench.devices import Device
from bench.measure.task import Task, build
from bench.measure.timer import Samples
from bench.modes import inference
from bench.records.record import UNCHECKED
from workloads.base import Step, Workload, WrongAnswer
from workloads.checks import RELATIVE_TOLERANCE, relative_error

ANSWERS = 3  # first answers that are checked; the second and third show what the first updates did
TRAINS = "a step whose answers change as it trains needs check_first instead of check"
CHEAP_STEP_S = 0.2  # a step up to this long is computed again in float64 when eager and compiled disagree


def kept(answer: object) -> Tensor:
    """A copy of an answer that later steps cannot change. Raises TypeError for an answer that is no tensor."""
    if not isinstance(answer, Tensor):
        raise TypeError(f"run() gave {type(answer).__name__}; a step's run() must give back a tensor")
    if answer.is_meta:
        raise TypeError("run() gave a tensor without numbers, on meta")
    return answer.detach().clone().cpu()


def unchecked(step: Step) -> tuple[str, ...]:
    """The warning of a step that has no check of any kind."""
    return () if step.check or step.check_first else (UNCHECKED,)


def check_begun(step: Step, answers: Sequence[Tensor]) -> None:
    """Give the first answers, ANSWERS of them or one, to the step's checks. Raises WrongAnswer, which says which."""
    if step.check:
        try:
            step.check(answers[0])
        except WrongAnswer as error:
            raise WrongAnswer(f"{error} (the first answer)") from error
    if step.check_first and len(answers) == ANSWERS:
        step.check_first(answers)


def check_last(step: Step, last: Tensor | None = None) -> None:
    """Check what the step answers after it was timed, by default in one more call. Raises WrongAnswer."""
    if step.check:
        try:
            step.check(kept(step.run()) if last is None else last)
        except WrongAnswer as error:
            raise WrongAnswer(f"{error} (the last answer; {TRAINS})") from error


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
    allowed = max(allowed, inference.TOLERANCE.get(task.case.mode, 0.0))
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
