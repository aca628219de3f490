"""What torch.compile gains, and after how many steps it has paid for itself. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from reports.stats.intervals import CONFIDENCE, Ratio


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with the variance of its error and that variance's degrees of freedom; unknown is None."""

    value: float
    variance: float | None
    freedom: float


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Steps until compiling has paid for itself, with their 95 % interval; infinity is never, and an open end."""

    steps: float
    low: float | None
    high: float | None


def speedup(compiled_over_eager: Ratio) -> Ratio:
    """eager time / compiled time: above 1, compiled is faster."""
    r = compiled_over_eager
    low = 1 / r.high if r.high else None
    high = 1 / r.low if r.low else None
    return Ratio(1 / r.value, low, high, r.warnings)


def mean(observations: Sequence[float]) -> Mean:
    """The mean of independent observations; of one alone, nothing says how sure it is."""
    seen = np.asarray(observations, dtype=float)
    if len(seen) < 2:
        return Mean(float(seen.mean()), None, 0.0)
    return Mean(float(seen.mean()), float(seen.var(ddof=1) / len(seen)), len(seen) - 1)


def difference(first: Mean, second: Mean, weight: float = 1.0) -> Mean:
    """first - weight * second of independent means, with Satterthwaite's degrees of freedom (Biometrics 2, 1946)."""
    value = first.value - weight * second.value
    if first.variance is None or second.variance is None:
        return Mean(value, None, 0.0)
    parts = (first.variance, weight**2 * second.variance)
    total = sum(parts)
    if total == 0:
        return Mean(value, 0.0, math.inf)
    own = sum(part**2 / side.freedom for part, side in zip(parts, (first, second), strict=True))
    return Mean(value, total, total**2 / own)


def break_even(cost_s: Mean, gain_s: Mean) -> BreakEven:
    """Steps after which compiled has caught up: its longer first call over its gain per step, with an interval.

    The interval is Fieller's (J. R. Stat. Soc. B 16, 1954) for the ratio of two independent means: all ratios at
    which cost - ratio * gain is not told from 0, with the degrees of freedom that it has at the estimate. It is open
    above where the gain may be none. Infinity when compiled is not faster per step; at least 0.
    """
    steps = math.inf if gain_s.value <= 0 else max(0.0, cost_s.value / gain_s.value)
    if cost_s.variance is None or gain_s.variance is None:
        return BreakEven(steps, None, None)
    at = cost_s.value / gain_s.value if gain_s.value else 0.0
    freedom = difference(cost_s, gain_s, at).freedom
    t2 = float(stdtrit(min(freedom, 1e6), (1 + CONFIDENCE) / 2)) ** 2
    # a x^2 - 2 b x + c <= 0 for every ratio x that is not refused.
    a = gain_s.value**2 - t2 * gain_s.variance
    b, c = cost_s.value * gain_s.value, cost_s.value**2 - t2 * cost_s.variance
    if a > 0:
        if gain_s.value < 0:
            return BreakEven(math.inf, math.inf, math.inf)
        root = math.sqrt(max(0.0, b * b - a * c))
        return BreakEven(steps, max(0.0, (b - root) / a), max(0.0, (b + root) / a))
    return BreakEven(steps, lowest(a, b, c, cost_s.value), math.inf)


def lowest(a: float, b: float, c: float, cost_s: float) -> float:
    """The lower end of an interval that is open above: where a x^2 - 2 b x + c comes down to 0 on the right."""
    if cost_s <= 0 or c <= 0:
        return 0.0
    if a == 0:
        return c / (2 * b) if b > 0 else math.inf
    return (b - math.sqrt(b * b - a * c)) / a
