"""What torch.compile gains, and after how many steps it has paid for itself. Pure."""

from __future__ import annotations

import math

from reports.statistics import Ratio


def speedup(compiled_over_eager: Ratio) -> Ratio:
    """eager time / compiled time: above 1, compiled is faster."""
    r = compiled_over_eager
    low = 1 / r.high if r.high else None
    high = 1 / r.low if r.low else None
    return Ratio(1 / r.value, low, high, r.warnings)


def break_even_steps(
    first_eager_s: float, first_compiled_s: float, eager_step_s: float, compiled_step_s: float
) -> float:
    """Steps after which compiled has caught up: its longer first call over its gain per step.

    Infinity when compiled is not faster per step; at least 0.
    """
    gain_s = eager_step_s - compiled_step_s
    if gain_s <= 0:
        return math.inf
    return max(0.0, (first_compiled_s - first_eager_s) / gain_s)
