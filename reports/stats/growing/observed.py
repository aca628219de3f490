"""What launches say of the cost at each size, and how sure that is, without what a sweep did to all sizes. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from reports.stats.intervals import CONFIDENCE, Launches, between, middle_of, observations

USUAL_FREEDOM = 4.0  # how many launches the noise of all sizes together counts for in that of one
MEDIAN_LOSS = math.pi / 2  # how much larger the variance of a median is than a mean's
ROUNDS = 20  # of median polish
FEWEST_TOGETHER = 4  # sizes of one sweep: of fewer, what it did to all of them cannot be told


@dataclass(frozen=True, slots=True)
class Seen:
    """Costs as logarithms with their standard errors, by size in order; how many degrees of freedom these have."""

    sizes: np.ndarray
    logs: np.ndarray
    errors: np.ndarray
    freedom: float


@dataclass(frozen=True, slots=True)
class Cost:
    """The launches at one size; sweeps: for each which one it belongs to, or None; empty where none is known."""

    size: float
    launches: Launches
    sweeps: Sequence[Hashable] = ()


def seen(costs: Sequence[Cost]) -> Seen:
    """The cost at each size; the noise of a size leans on that of all.

    A machine that is slow during a sweep is so for all of its sizes, which says nothing of how they differ. A cost that
    is counted, or was measured in one launch only, has no error.
    """
    costs = sorted(costs, key=lambda cost: cost.size)
    logs = [np.log(observations(cost.launches)[0]) for cost in costs]
    logs, taken = without_common(logs, [cost.sweeps for cost in costs])
    free = np.array([len(own) - 1 for own in logs])
    own = np.array([each.var(ddof=1) if len(each) > 1 else 0.0 for each in logs])
    if taken:  # each sweep's effect followed the sizes' noise a little
        own = own * len(costs) / (len(costs) - 1)
    freedom = float(free.sum())
    usual = float((free * own).sum() / freedom) if freedom else 0.0
    variances = (USUAL_FREEDOM * usual + free * own) / (USUAL_FREEDOM + free)
    loss = np.array([1.0 if between(len(each), CONFIDENCE) is None else MEDIAN_LOSS for each in logs])
    return Seen(
        np.array([cost.size for cost in costs], dtype=float), np.array([middle_of(np.sort(each)) for each in logs]),
        np.sqrt(variances * loss / (free + 1)), max(freedom - taken, min(freedom, 1.0)),
    )  # fmt: skip


def without_common(logs: Sequence[np.ndarray], sweeps: Sequence[Sequence[Hashable]]) -> tuple[list[np.ndarray], int]:
    """The logarithms without what each sweep did to all of its sizes, and how many numbers that took (Tukey)."""
    places: dict[Hashable, list[tuple[int, int]]] = defaultdict(list)
    for row, own in enumerate(sweeps):
        if len(own) == len(logs[row]):
            for column, sweep in enumerate(own):
                if sweep is not None:
                    places[sweep].append((row, column))
    shared = [found for found in places.values() if len({row for row, _ in found}) >= FEWEST_TOGETHER]
    left = [np.array(own) for own in logs]
    if len(shared) < 2:
        return left, 0
    for _ in range(ROUNDS):
        centres = [float(np.median(own)) for own in left]
        effects = [float(np.median([left[row][column] - centres[row] for row, column in found])) for found in shared]
        usual = float(np.median(effects))
        for found, effect in zip(shared, effects, strict=True):
            for row, column in found:
                left[row][column] -= effect - usual
    return left, len(shared) - 1
