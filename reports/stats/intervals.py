"""From raw values to an estimate and how sure it is. Pure; knows no workload, file or table.

What varies from process to process is larger than what varies within one, so a figure measured in several
launches is judged by its launches: one number each, on logarithms because times are positive and speedups multiply.
Of enough launches the estimate is their median, which one disturbed launch in five does not move, with the interval
between order statistics of Hettmansperger and Sheather (Statistics and Probability Letters 4, 1986); of fewer, their
mean with Student's t. Two figures are compared by the ranks of all differences between their launches (Mann and
Whitney, Annals of Mathematical Statistics 18, 1947): where nothing changed, whatever the noise is like, such an
interval leaves out 1 as seldom as it says; of too few launches by Welch's t. A single launch says nothing of how
launches differ, so its figures have no interval: one computed from the values within it came out narrower than the
honest one, and called two in five unchanged cases changed.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, ndtri, stdtrit  # quantiles; scipy.stats takes half a second to import

CONFIDENCE = 0.95
MOST_DIFFERENCES = 900  # of which ranks are counted one by one
MOST_AT_ONCE = 1_000_000  # differences that are held in memory; tools that keep every value have many more
HALVINGS = 60
# Between runs: what their hours differ in is in neither, and many cases are compared at once. Of 93 unchanged cases
# measured twice, ten minutes apart on a shared machine, 12 fell outside 95 % intervals (see docs/method.md).
CONFIDENCE_BETWEEN_RUNS = 0.99
UNSURE = "how sure it is cannot be said"
ONE_LAUNCH = f"one process: {UNSURE}; more launches can"

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
class Centre:
    """The centre of logarithms, and its interval at some confidence."""

    value: float
    low: float
    high: float


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


def centre_of(logs: np.ndarray, confidence: float = CONFIDENCE) -> Centre:
    """The centre of at least two observations: the median of enough, the mean of fewer."""
    seen, count = np.sort(logs), len(logs)
    ranks, middle = between(count, confidence), middle_of(seen, confidence)
    if ranks is None:
        half = float(stdtrit(count - 1, (1 + confidence) / 2) * seen.std(ddof=1) / math.sqrt(count))
        return Centre(middle, middle - half, middle + half)
    rank, share = ranks
    low = (1 - share) * seen[rank - 1] + share * seen[rank]
    high = (1 - share) * seen[count - rank] + share * seen[count - rank - 1]
    return Centre(middle, float(low), float(high))


@functools.lru_cache
def between(count: int, confidence: float) -> tuple[int, float] | None:
    """Of so many observations, the rank at which the median's interval begins, and how far it lies towards the next.

    None where even the smallest and the largest are not so sure to hold the median between them.
    """
    sure = [1 - 2 * float(bdtr(rank - 1, count, 0.5)) for rank in range(1, count // 2 + 1)]
    if not sure or sure[0] < confidence:
        return None
    rank = sum(each >= confidence for each in sure)
    inner = sure[rank] if rank < len(sure) else 0.0
    over = (sure[rank - 1] - confidence) / (sure[rank - 1] - inner)
    return rank, (count - rank) * over / (rank + (count - 2 * rank) * over)


def ranked_differences(a: np.ndarray, b: np.ndarray, rank: int) -> tuple[float, float]:
    """Of all differences b - a, the one of this rank and the one of this rank from above."""
    if len(a) * len(b) <= MOST_AT_ONCE:
        seen = np.partition(np.subtract.outer(b, a), (rank - 1, -rank), axis=None)
        return float(seen[rank - 1]), float(seen[-rank])
    return nth_difference(np.sort(a), b, rank), -nth_difference(np.sort(b), a, rank)


def nth_difference(a: np.ndarray, b: np.ndarray, rank: int) -> float:
    """The difference b - a of this rank, where there are too many to hold; a is in order. By halving, to a float."""
    low, high = float(b.min() - a[-1]), float(b.max() - a[0])
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = int((len(a) - np.searchsorted(a, b - middle)).sum()) >= rank
        low, high = (low, middle) if enough else (middle, high)
    return high


@functools.lru_cache
def difference_rank(first: int, second: int, confidence: float) -> int | None:
    """Of all differences between so many and so many observations, the rank at which their interval begins.

    None where even the smallest and the largest are not so sure to hold the true one between them.
    """
    if first * second > MOST_DIFFERENCES:  # their distribution is a normal one, nearly
        deviation = math.sqrt(first * second * (first + second + 1) / 12)
        return max(1, math.floor(first * second / 2 - float(ndtri((1 + confidence) / 2)) * deviation))
    ways = [1] + [0] * (first * second)  # orders of both by how many differences are negative
    for number in range(1, first + 1):
        for at in range(len(ways) - 1, second + number - 1, -1):
            ways[at] -= ways[at - second - number]
        for at in range(number, len(ways)):
            ways[at] += ways[at - number]
    most = (1 - confidence) / 2 * math.comb(first + second, first)
    sums = itertools.accumulate(ways)
    return sum(1 for _ in itertools.takewhile(lambda orders: orders <= most, sums)) or None


def summarize(launches: Launches, exact: bool = False, confidence: float = CONFIDENCE) -> Summary:
    """The estimate over launches of raw values. Raises ValueError when there are no values at all."""
    everything = np.array([value for values in launches for value in values], dtype=float)
    if not len(everything):
        raise ValueError("no values to summarize")
    count, runs = len(everything), sum(1 for values in launches if len(values))
    if count == 1 and not exact:  # of a tool that keeps one value there are very many
        return Summary(float(everything[0]), None, None, None, 1, 1, (ONE_LAUNCH,))
    middle = float(np.median(everything))
    if exact:
        varies = float(np.ptp(everything)) > 0
        return Summary(middle, middle, middle, 0.0, count, runs, ("differs between launches",) if varies else ())
    spread = float(np.subtract(*np.percentile(everything, [75, 25]))) / middle if middle and count > 2 else None
    seen, warnings = observations(launches)
    if not has_centre(seen):
        return Summary(float(np.median(seen)), None, None, spread, count, runs, warnings)
    centre = centre_of(np.log(seen), confidence)
    return Summary(math.exp(centre.value), math.exp(centre.low), math.exp(centre.high), spread, count, runs, warnings)


def has_centre(seen: np.ndarray) -> bool:
    """Whether observations have a centre on logarithms: two or more that are all positive."""
    return len(seen) > 1 and not np.any(seen <= 0)


def estimate_of(seen: np.ndarray) -> float:
    """The estimate that `summarize` gives for observations, one of each launch, without its interval."""
    if len(seen) == 1:  # of a history of thousands of commits each point is one
        return float(seen[0])
    return math.exp(middle_of(np.sort(np.log(seen)))) if has_centre(seen) else float(np.median(seen))


def middle_of(ordered: np.ndarray, confidence: float = CONFIDENCE) -> float:
    """The centre of observations in order: the median of enough, the mean of fewer."""
    return float(ordered.mean() if between(len(ordered), confidence) is None else np.median(ordered))


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
    if len(a) < 2 or len(b) < 2:
        return Ratio(math.exp(float(np.log(b).mean() - np.log(a).mean())), None, None, warnings)
    rank = difference_rank(len(a), len(b), confidence)
    if rank is None:
        difference = float(np.log(b).mean() - np.log(a).mean())
        half = welch_half_width(np.log(a), np.log(b), confidence)
        return Ratio(math.exp(difference), math.exp(difference - half), math.exp(difference + half), warnings)
    difference = centre_of(np.log(b), confidence).value - centre_of(np.log(a), confidence).value
    low, high = ranked_differences(np.log(a), np.log(b), rank)
    return Ratio(math.exp(difference), math.exp(min(low, difference)), math.exp(max(high, difference)), warnings)


def compare_paired(base: Launches, head: Launches, confidence: float = CONFIDENCE) -> Ratio:
    """head / base where the nth values of both were taken next to each other, in the same launch.

    One observation per launch, the median of log(head / base) over its rounds; their centre over launches. What both
    sides of a round have in common, such as a busy neighbour, falls out. Raises ValueError when values have no partner.
    """
    if len(base) != len(head) or not base or any(len(a) != len(b) or not len(a) for a, b in zip(base, head)):  # noqa: B905 - the lengths are what is asked
        raise ValueError("paired values must be equally many on both sides, in every launch")
    logs = np.array([np.median(np.log(np.divide(b, a))) for a, b in zip(base, head, strict=True)])
    if len(logs) < 2:
        return Ratio(math.exp(float(logs.mean())), None, None, (ONE_LAUNCH,))
    centre = centre_of(logs, confidence)
    return Ratio(math.exp(centre.value), math.exp(centre.low), math.exp(centre.high))


def welch_half_width(a: np.ndarray, b: np.ndarray, confidence: float) -> float:
    """Half the interval of the difference of two means, by Welch's t with Satterthwaite's degrees of freedom."""
    parts = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    total = float(parts.sum())
    if total == 0:
        return 0.0
    freedom = total**2 / float(parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
    return float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(total)
