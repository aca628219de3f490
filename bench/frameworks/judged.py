"""Whether a framework's step did its work: its answers against float64's, its threads, its time for other numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from bench.frameworks.messages import CHECKED_ANSWERS, SECOND_SEED, Begun, Ended, Turn
from workloads.frameworks.by_hand import answers as right_answers
from workloads.frameworks.given import given

# Largest |answer - right| / |right| that float32 explains. What the suite's steps do in it is below 1e-6, and in
# bfloat16 or TF32 above 1e-4.
TOLERANCE = 2e-5
# Threads that may be busy besides those that were given, in the busiest quarter of the turns. A tf.function with one
# thread in each pool has up to a half: it is handed to another thread, while the first goes on for a moment.
SPARE_THREADS = 0.75
MOST_SLOWER = 4.0  # times as long as in the slowest turn a step may take for numbers that are in no cache yet ...
FRESH_S = 3e-5  # ... and so much besides


@cache
def right(workload: str, point: tuple[tuple[str, Any], ...], seed: int) -> Sequence[Any]:
    """The right answers in float64 for the numbers of a seed, computed once."""
    axes = dict(point)
    return right_answers(workload, given(workload, axes, seed), axes, CHECKED_ANSWERS)


def wrong_answers(workload: str, point: Mapping[str, Any], begun: Begun) -> str:
    """How the first answers differ from float64's, in words; empty where they do not."""
    return difference(begun.answers, right(workload, tuple(point.items()), 0))


def difference(answers: Sequence[Any], exact: Sequence[Any]) -> str:
    """The first answer that is too far from the right one, in words."""
    for number, (answer, wanted) in enumerate(zip(answers, exact, strict=True), 1):
        if np.shape(answer) != np.shape(wanted):
            return f"wrong answer: its shape is {np.shape(answer)}, and the right one's {np.shape(wanted)}"
        norm = float(np.linalg.norm(wanted)) or 1.0
        error = float(np.linalg.norm(np.asarray(answer, np.float64) - wanted)) / norm
        if not error <= TOLERANCE:
            said = "NaN or infinity" if not math.isfinite(error) else f"relative error {error:.2g} from float64"
            return f"wrong answer: {said} where at most {TOLERANCE:.0e} is rounding, in answer {number}"
    return ""


def too_busy(turns: Sequence[Turn], threads: int) -> str:
    """That more threads were busy than were given, in words; empty where not."""
    busy = sorted(turn.busy for turn in turns)[3 * len(turns) // 4]
    if busy <= threads + SPARE_THREADS:
        return ""
    return f"not believed: it kept {busy:.1f} threads busy where {threads} {'was' if threads == 1 else 'were'} given"


def not_computed(workload: str, point: Mapping[str, Any], turns: Sequence[Turn], ended: Ended) -> str:
    """That a step did not compute what it answered while it was timed, in words; empty where it did."""
    if difference(ended.answers, right(workload, tuple(point.items()), SECOND_SEED)):
        stale = not difference(ended.answers, right(workload, tuple(point.items()), 0))
        same = "the answer stayed the same" if stale else "the answer was wrong"
        return f"not believed: given other numbers, {same}"
    step_s = max(turn.step_s for turn in turns)
    if ended.fresh_s <= MOST_SLOWER * step_s + FRESH_S:
        return ""
    return f"not believed: with numbers that it had not seen a step took {ended.fresh_s / step_s:.0f} times as long"


def imports_others(begun: Begun, allowed: set[str]) -> str:
    """Which other frameworks the process has imported, in words; empty where none."""
    others = sorted(begun.imported - allowed)
    return f"not believed: its process also imported {', '.join(others)}" if others else ""
