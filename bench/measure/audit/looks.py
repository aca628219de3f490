"""What a step answers when nobody said that anybody would look, and for inputs that it has not seen."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bench.devices import Device
from bench.measure.answers import ANSWERS, check_begun, kept
from bench.measure.audit.inputs import Inputs, reachable, storage
from bench.measure.timer import block_time
from bench.modes import compilations
from bench.records.errors import NotBelieved
from bench.records.record import Case
from workloads.base import Step, WrongAnswer
from workloads.checks import RELATIVE_TOLERANCE, relative_error

LOOKS = 4
LONGEST_LOOK_S = 0.1  # what is right on other inputs takes so long: there is no further look
ROUNDS = 9  # of a call for new inputs and one for old ones
KEEPS = 2.5  # times as long takes a call for new inputs, where answers are kept by what they are for
LAZY = 2.0  # times as long takes a step whose answer is looked at
SAME_WORK = 0.7  # of the operators that the first calls call, at least
LEAST_S = 2e-6  # that calls have to differ by: a clock's own

NO_NUMBERS = "its check looks at no number of the answer"
WRONG: dict[str, Callable[[Tensor], Tensor]] = {
    "another shape": lambda answer: torch.stack([answer, answer]),
    "NaN": lambda answer: torch.full_like(answer, float("nan") if answer.is_floating_point() else -1),
    "other numbers": lambda answer: (answer.double() * 1.5 + 1).to(answer.dtype),
}


def looked_at(step: Step, calls: int) -> None:
    """Answers right after the calls that gave them: they are there, right, and no check has written them."""
    if not step.check:
        return
    for _ in range(calls):
        answer = kept(step.run())
        before = answer.clone()
        try:
            step.check(answer)
        except WrongAnswer as error:
            raise NotBelieved(f"an answer between the first and the last was wrong: {error}") from error
        if not torch.equal(answer, before) and not answer.isnan().any():
            raise NotBelieved("its check writes the answer that it is to judge")


def check_refuses(step: Step, answer: Tensor) -> tuple[str, ...]:
    """A check that accepts whatever it is given checks nothing; the warning of one that looks at the shape alone."""
    accepted = [name for name, make in WRONG.items() if accepts(step, make(answer))]
    if not (step.check or step.check_first):
        return ()
    if len(accepted) == len(WRONG):
        raise NotBelieved(
            f"its check accepts any answer, such as {', '.join(accepted)}; a step without a check is measured, too, "
            "and marked as not checked"
        )
    return (NO_NUMBERS,) if len(accepted) == len(WRONG) - 1 and "another shape" not in accepted else ()


def accepts(step: Step, wrong: Tensor) -> bool:
    """Whether the step's checks take this for right."""
    try:
        check_begun(step, [wrong.clone() for _ in range(ANSWERS)])
    except Exception:  # a refusal, in whatever words
        return False
    return True


def of_its_kind(step: Step, answer: Tensor, case: Case, device: Device) -> None:
    """The answer holds numbers, on the case's device, and no fewer digits than the case computes with.

    Where a check has a tolerance of its own, it knows what it is given.
    """
    if getattr(step.check, "tolerance", 0.0) is None and (why := narrow(answer, case)):
        raise NotBelieved(why)
    if compilations.is_fake(answer) or answer.device.type != device.torch_device().type:
        raise NotBelieved(f"its answer is on {answer.device.type}, where the case is on {device.name}")


def narrow(answer: Tensor, case: Case) -> str:
    """In words, that an answer has fewer digits than its case computes with; empty where it has not."""
    asked: torch.dtype = getattr(torch, case.dtype)
    if not answer.is_floating_point() or torch.finfo(answer.dtype).eps <= torch.finfo(asked).eps:
        return ""
    return f"its answer is {str(answer.dtype).removeprefix('torch.')}, where the case computes in {case.dtype}"


def not_lazy(step: Step, answer: Tensor, device: Device) -> None:
    """An answer of a class of its own may compute when it is looked at."""
    if type(answer) in (Tensor, nn.Parameter):
        return
    alone, looked = [], []
    for _ in range(LOOKS):
        alone.append(block_time(step.run, 1, device.clock))
        looked.append(block_time(lambda: step.run().detach().clone(), 1, device.clock))
    if statistics.median(looked) > LAZY * statistics.median(alone) + LEAST_S:
        kind = type(answer).__name__
        raise NotBelieved(f"its answer is a {kind}, which computes when it is looked at, and not when it is timed")


def on_other_inputs(step: Step, inputs: Inputs, calls: int) -> None:
    """Right answers for numbers that the step has not seen, each asked for once."""
    forget, right = getattr(step.check, "forget", None), getattr(step.check, "known", None)
    if not step.check or forget is None or right is None or not inputs.tensors:
        return
    before, started_s = kept(step.run()), time.perf_counter()
    try:
        for call in range(calls):
            if call and time.perf_counter() - started_s > LONGEST_LOOK_S:
                return
            inputs.redraw()
            forget()
            answer = kept(step.run())
            try:
                step.check(answer)
            except WrongAnswer as error:
                allowed = 10 * RELATIVE_TOLERANCE.get(answer.dtype, 0.0)
                if relative_error(step.check.known, right) <= allowed:  # type: ignore[attr-defined]
                    return  # its check does not follow the inputs: what is right then, nobody knows
                if torch.equal(answer, before):
                    raise NotBelieved("its answers are kept: its inputs changed, and they did not") from error
                raise NotBelieved(f"it is wrong on other inputs: {error}") from error
            before = answer
    finally:
        inputs.restore()
        forget()


def follows(step: Step, inputs: Inputs, fresh: Step) -> None:
    """Where nobody can say what is right for other inputs: an answer that does not change at all is a kept one, if the
    first call of a new step did work that later calls do not.
    """
    if getattr(step.check, "forget", None) is not None or not inputs.tensors:
        return
    before = kept(step.run())
    try:
        inputs.redraw()
        after = kept(step.run())
    finally:
        inputs.restore()
    if torch.equal(before, after) and operators(step.run, 1) < SAME_WORK * operators(fresh.run, 1):
        raise NotBelieved("its answers are kept: its inputs changed, and they did not")


def as_fast_on_new_inputs(step: Step, inputs: Inputs, device: Device) -> None:
    """A call for new inputs takes as long as one for those of before. Who is suspected is asked once more."""
    for _ in range(2):
        low, high = new_and_same(step, inputs, device) if inputs.tensors else (0.0, 0.0)
        if low <= KEEPS * high or low - high <= LEAST_S:
            return
    raise NotBelieved(
        f"its answers are kept: a call for new inputs takes {low:.3g} s, and for those of before {high:.3g} s"
    )


def new_and_same(step: Step, inputs: Inputs, device: Device) -> tuple[float, float]:
    """Seconds that most calls for new inputs take at least, and most for those of before at most."""
    new, same = [], []
    try:
        for _ in range(ROUNDS):
            inputs.redraw()
            new.append(block_time(step.run, 1, device.clock))
            inputs.rewrite()
            same.append(block_time(step.run, 1, device.clock))
    finally:
        inputs.restore()
    return statistics.quantiles(new, n=4)[0], statistics.quantiles(same, n=4)[2]


def without_leftovers(step: Step, own: Sequence[Tensor]) -> None:
    """An answer that is of some inputs is computed, and not found in the memory of one before."""
    if not step.check or not own:
        return
    first, second = step.run(), step.run()
    places = {storage(tensor) for tensor in [*own, *reachable(step.check)]}
    if storage(first) in places or not first.is_floating_point() or not first.is_contiguous():
        return
    is_kept = storage(first) == storage(second)
    for answer in (first, second):
        answer.data.fill_(float("nan"))
    del first, second, answer
    if kept(step.run()).isnan().all():
        raise NotBelieved(
            "its answers are kept: what was written into one is in the next"
            if is_kept
            else "its answer is what memory held from one before, and not computed"
        )


class Operators(TorchDispatchMode):
    """Counts the operators that are called in here."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Wrapped by torch, so as not to be compiled itself, a mode imports the compiler: over a second."""
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.count += 1
        return func(*args, **(kwargs or {}))


def operators(run: Callable[[], object], calls: int) -> float:
    """Operators of a call, on average."""
    counter = Operators()
    with counter:
        for _ in range(calls):
            run()
    return counter.count / calls


def still_at_work(step: Step, fresh: Step, calls: int) -> None:
    """The step calls as many operators as a new one whose first answers are checked, and that one is right, too."""
    firsts, answers = [], []
    for _ in range(ANSWERS):
        with Operators() as counter:
            answer = fresh.run()
        firsts.append(counter.count)
        answers.append(kept(answer))
    now = operators(step.run, calls)
    if now < SAME_WORK * min(firsts):
        raise NotBelieved(
            f"it does not go on doing its work: {now:g} operators a call, where the first calls have {min(firsts)}"
        )
    try:
        check_begun(fresh, answers)
    except WrongAnswer as error:
        raise NotBelieved(f"it is wrong from another seed: {error}") from error
