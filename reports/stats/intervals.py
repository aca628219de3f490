"""From raw values to an estimate and how sure it is. Pure; knows no workload, file or table.

What varies from process to process is larger than what varies within one, so a figure measured in several
launches is judged by its launches: one number each, and Student's t over them (Welch's when two figures are
compared), on logarithms because times are positive and speedups multiply. A single launch says nothing of how
launches differ, so its figures have no interval: one computed from the values within it came out narrower than
the honest one, and called two in five unchanged cases changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit  # Student's t quantile; scipy.stats takes half a second to import

CONFIDENCE = 0.95
# Between runs: what their hours differ in is in neither, and many cases are compared at once. Of 93 unchanged cases
# measured twice, ten minutes apart on a shared machine, 12 fell outside 95 % intervals (see docs/method.md).
CONFIDENCE_BETWEEN_RUNS = 0.99
ONE_LAUNCH = "one process: how sure it is cannot be said; more --launches can"

Launches = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Summary:
    """An estimate with its 95 % interval, in the metric's unit; the interval is None where nothing can be said.

    spread: the middle half of all values, as a share of the estimate. values, launches: how many there were.
    """

    estimate: float
    low: float | None
    high: float | None
    spread: float | None
    values: int
    launches: int
    warnings: tuple[str, ...] = ()

    @property
    def half_width(self) -> float | None:
        """Half the interval as a share of the estimate."""
        if self.low is None or self.high is None or self.estimate == 0:
            return None
        return (self.high - self.low) / 2 / abs(self.estimate)


@dataclass(frozen=True, slots=True)
class Ratio:
    """head / base with its interval, which is None where nothing can be said of it."""

    value: float
    low: float | None
    high: float | None
    warnings: tuple[str, ...] = ()


def observations(launches: Launches) -> tuple[np.ndarray, tuple[str, ...]]:
    """One number per launch, its median; with a warning when there is one launch only."""
    medians = np.array([np.median(values) for values in launches if len(values)])
    return medians, (ONE_LAUNCH,) if len(medians) == 1 else ()


def summarize(launches: Launches, exact: bool = False) -> Summary:
    """The estimate over launches of raw values. Raises ValueError when there are no values at all."""
    everything = np.array([value for values in launches for value in values], dtype=float)
    if not len(everything):
        raise ValueError("no values to summarize")
    count, runs = len(everything), sum(1 for values in launches if len(values))
    middle = float(np.median(everything))
    if exact:
        varies = float(np.ptp(everything)) > 0
        return Summary(middle, middle, middle, 0.0, count, runs, ("differs between launches",) if varies else ())
    spread = float(np.subtract(*np.percentile(everything, [75, 25]))) / middle if middle and count > 2 else None
    seen, warnings = observations(launches)
    if len(seen) < 2 or np.any(seen <= 0):
        return Summary(float(np.median(seen)), None, None, spread, count, runs, warnings)
    logs = np.log(seen)
    half = float(stdtrit(len(logs) - 1, (1 + CONFIDENCE) / 2) * logs.std(ddof=1) / math.sqrt(len(logs)))
    centre = float(logs.mean())
    low, high = math.exp(centre - half), math.exp(centre + half)
    return Summary(math.exp(centre), low, high, spread, count, runs, warnings)


def compare(base: Launches, head: Launches, exact: bool = False, confidence: float = CONFIDENCE) -> Ratio:
    """head / base. Raises ValueError when a side has no values; a base of 0 gives 1 against 0 and else infinity."""
    if exact:
        first, second = summarize(base, exact), summarize(head, exact)
        value = second.estimate / first.estimate if first.estimate else (1.0 if second.estimate == 0 else math.inf)
        return Ratio(value, value, value, first.warnings + second.warnings)
    if not any(len(values) for values in base) or not any(len(values) for values in head):
        raise ValueError("no values to compare")
    (a, warnings_a), (b, warnings_b) = observations(base), observations(head)
    warnings = tuple(dict.fromkeys(warnings_a + warnings_b))
    if np.any(a <= 0) or np.any(b <= 0):
        value = float(np.median(b) / np.median(a)) if np.median(a) else math.inf
        return Ratio(value, None, None, warnings)
    a, b = np.log(a), np.log(b)
    difference = float(b.mean() - a.mean())
    if len(a) < 2 or len(b) < 2:
        return Ratio(math.exp(difference), None, None, warnings)
    half = welch_half_width(a, b, confidence)
    return Ratio(math.exp(difference), math.exp(difference - half), math.exp(difference + half), warnings)


def compare_paired(base: Launches, head: Launches, confidence: float = CONFIDENCE) -> Ratio:
    """head / base where the nth values of both were taken next to each other, in the same launch.

    One observation per launch, the median of log(head / base) over its rounds; Student's t over launches. What both
    sides of a round have in common, such as a busy neighbour, falls out. Raises ValueError when values have no partner.
    """
    if len(base) != len(head) or not base or any(len(a) != len(b) or not len(a) for a, b in zip(base, head)):  # noqa: B905 - the lengths are what is asked
        raise ValueError("paired values must be equally many on both sides, in every launch")
    logs = np.array([np.median(np.log(np.divide(b, a))) for a, b in zip(base, head, strict=True)])
    centre = float(logs.mean())
    if len(logs) < 2:
        return Ratio(math.exp(centre), None, None, (ONE_LAUNCH,))
    half = float(stdtrit(len(logs) - 1, (1 + confidence) / 2) * logs.std(ddof=1) / math.sqrt(len(logs)))
    return Ratio(math.exp(centre), math.exp(centre - half), math.exp(centre + half))


def welch_half_width(a: np.ndarray, b: np.ndarray, confidence: float) -> float:
    """Half the interval of the difference of two means, by Welch's t with Satterthwaite's degrees of freedom."""
    parts = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    total = float(parts.sum())
    if total == 0:
        return 0.0
    freedom = total**2 / float(parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
    return float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(total)
