"""How an answer is judged: by its distance to the right one, in double precision. Times nothing."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from workloads.base import WrongAnswer

# Largest |answer - right| / |right| (2-norms) that rounding alone explains, per dtype: about 1000 units in
# the last place, which leaves room for sums of a few thousand terms taken in any order.
RELATIVE_TOLERANCE = {
    torch.float64: 1e-11,
    torch.float32: 1e-4,
    torch.bfloat16: 3e-2,
    torch.float16: 5e-3,
}

T = TypeVar("T", Tensor, nn.Module)


def host64(original: T) -> T:
    """A float64 copy of a tensor or a module on the CPU, to compute the right answer with.

    First to the CPU and then to float64, which MPS does not have.
    """
    copied = copy.deepcopy(original) if isinstance(original, nn.Module) else original.detach()
    return copied.cpu().double()


def relative_error(answer: Tensor, right: Tensor) -> float:
    """|answer - right| / |right| in 2-norms, computed in float64 on the CPU; NaN or Inf anywhere gives inf.

    Where `right` is all zeros, it is |answer - right| itself.
    """
    got, want = host64(answer), host64(right)
    if got.shape != want.shape:
        raise WrongAnswer(f"the answer has shape {tuple(got.shape)}, the right one {tuple(want.shape)}")
    norm = float(want.norm())
    error = float((got - want).norm()) / (norm if norm > 0 else 1.0)
    return float("inf") if math.isnan(error) else error


def judge(answer: Tensor, right: Tensor, allowed: float, which: str = "") -> None:
    """Raise WrongAnswer when the answer is further from the right one than `allowed`; `which` ends its text."""
    error = relative_error(answer, right)
    if error <= allowed:
        return
    bad, bad_right = (int((~part.isfinite()).sum()) for part in (answer, right))
    if bad_right:
        raise WrongAnswer(f"NaN or infinity in {bad} numbers of the answer and in {bad_right} of the right one{which}")
    if bad:
        raise WrongAnswer(f"NaN or infinity in {bad} of {answer.numel()} numbers of the answer{which}")
    raise WrongAnswer(f"relative error {error:.3g} where at most {allowed:.3g} is rounding{which}")


class Near:
    """A check that an answer is within `tolerance` of `right()`; by default the answer's dtype decides.

    `right` is called once, and only when the check is, so that its tensors are not part of the step's memory; and once
    more after `forget`, where what it computes with may have changed.
    """

    def __init__(self, right: Callable[[], Tensor], tolerance: float | None = None) -> None:
        self.right, self.tolerance = right, tolerance
        self.known: Tensor | None = None

    def __call__(self, answer: Tensor) -> None:
        """Raise WrongAnswer for an answer that is too far from the right one."""
        if self.known is None:
            self.known = self.right().detach().clone()
        allowed = RELATIVE_TOLERANCE.get(answer.dtype, 0.0) if self.tolerance is None else self.tolerance
        judge(answer, self.known, allowed)

    def forget(self) -> None:
        """Compute what is right anew for the next answer."""
        self.known = None


def near(right: Callable[[], Tensor], tolerance: float | None = None) -> Near:
    """A check that the answer is within `tolerance` of `right()`; see `Near`."""
    return Near(right, tolerance)


def losses_near(right: Callable[[int], Tensor]) -> Callable[[Sequence[Tensor]], None]:
    """A check of the first losses of a training step against those that `right(count)` gives, to their precision.

    The second loss is right only if the first gradient and update were.
    """

    def check(answers: Sequence[Tensor]) -> None:
        got = torch.stack(list(answers))
        want, allowed = right(len(got)), RELATIVE_TOLERANCE.get(got.dtype, 0.0)
        if relative_error(got, want) <= allowed:
            return
        for index, (one, other) in enumerate(zip(got, want, strict=True)):  # one by one, to name the first wrong one
            judge(one, other, allowed, f" (loss {index + 1} of the first {len(got)})")
        judge(got, want, allowed)

    return check


def sgd_losses(
    model: nn.Module,
    loss_of: Callable[[nn.Module], Tensor],
    count: int,
    *,
    lr: float,
    momentum: float = 0.0,
    decay: float = 0.0,
) -> Tensor:
    """The losses [count] of as many steps of SGD in float64 on the CPU, with the update written out by hand.

    v <- momentum v + gradient + decay w;  w <- w - lr v  (Sutskever et al., 2013, as torch.optim.SGD defines it).
    """
    model = host64(model)
    weights = list(model.parameters())
    speeds = [torch.zeros_like(weight) for weight in weights]
    losses = []
    for _ in range(count):
        loss = loss_of(model)
        losses.append(loss.detach())
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, speed, gradient in zip(weights, speeds, gradients, strict=True):
                speed.mul_(momentum).add_(gradient + decay * weight)
                weight.sub_(lr * speed)
    return torch.stack(losses)


def between(low: float, high: float, what: str) -> Callable[[Tensor], None]:
    """A check that a one-element answer lies in [low, high]; `what` names it in the error."""

    def check(answer: Tensor) -> None:
        value = float(answer.detach())
        if not low <= value <= high:
            raise WrongAnswer(f"{what} is {value:.4g}, expected between {low:g} and {high:g}")

    return check


def first_between(low: float, high: float, what: str) -> Callable[[Sequence[Tensor]], None]:
    """A check that the first of several one-element answers lies in [low, high]."""
    check = between(low, high, what)
    return lambda answers: check(answers[0])


def trained(first: Callable[[], Tensor], now: Callable[[], Tensor]) -> Callable[[Sequence[Tensor]], None]:
    """A check that answers are finite losses and that the weights have moved since the first."""

    def check(answers: Sequence[Tensor]) -> None:
        if not all(bool(torch.isfinite(answer)) for answer in answers):
            raise WrongAnswer(f"losses {[float(answer) for answer in answers]} are not all finite")
        if relative_error(now(), first()) == 0:
            raise WrongAnswer("the weights have not moved: nothing was trained")

    return check
