"""Level shifts in one series of logarithms: where, how large, how sure. Pure; knows no commit, case or file.

Seeded binary segmentation (Kovács, Bühlmann, Li, Munk: "Seeded binary segmentation", Biometrika 110, 2023): windows
of every length, laid over the series without regard to its values, each searched for its best split; of the windows
whose split is significant the narrowest is taken first (Baranowski, Chen, Fryzlewicz: "Narrowest-over-threshold",
JRSS B 81, 2019), so that each holds one change and a slowdown that was later mended is seen as two. A split is judged
by Student's t, and its p-value multiplied by the number of all splits looked at (Bonferroni), which bounds false finds
without drawing random numbers. Neighbouring values that are alike carry less news: t shrinks by their autocorrelation.
Why this one: docs/decisions/0005-change-points.md.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import stdtr, stdtrit  # scipy.stats takes half a second to import

from reports.stats.intervals import CONFIDENCE

LEAST = 2  # points on each side of a split: one odd measurement is no level
SMALLEST_SIDE = 6  # a side has at least this part of its window: against many points, two odd ones look sure
MIN_POINTS = 5
MIN_LINE = 4  # points of a slope, so that it is more than two measurements
SHRINK = math.sqrt(0.5)  # from one length of windows to the next, as recommended by Kovács et al.
NOISE_FLOOR = 1e-4  # relative; asv keeps five digits, and a series whose digits repeat has no variance of its own
FIRST_PASS = 0.05  # level at which steps are taken out before the autocorrelation is estimated
MOST_ALIKE = 0.9  # largest autocorrelation believed
# Splits that fit nearly as well: 95 % quantile of Hansen's likelihood ratio, -2 log(1 - sqrt(0.95)) (Hansen: "Sample
# splitting and threshold estimation", Econometrica 68, 2000). It errs towards too wide.
LOCATION_CUT = -2 * math.log(1 - math.sqrt(CONFIDENCE))


@dataclass(frozen=True, slots=True)
class Step:
    """A shift between point `at - 1` and point `at`; 95 % sure to lie after point `earliest` and by point `latest`.

    size, low, high: difference of the levels on both sides, in logarithms, with its 95 % interval.
    p: chance of such a find anywhere in a series without steps. slope_fits_better: the points from the step before to
    the step after lie closer to a level that turns into a line, or a line into a level, than to two levels.
    """

    at: int
    earliest: int
    latest: int
    size: float
    low: float
    high: float
    p: float
    slope_fits_better: bool


@dataclass(frozen=True, slots=True)
class Splits:
    """The best split of every window of a series: window start and end (exclusive), the split, its |t|, its p-value.

    looked_at: all splits of all windows, for which together the p-values hold.
    """

    start: np.ndarray
    end: np.ndarray
    at: np.ndarray
    t: np.ndarray
    p: np.ndarray
    looked_at: int

    @property
    def least_p(self) -> float:
        """The p-value of the series as a whole: that of its best split; 1 where there is no window."""
        return float(self.p.min()) if len(self.p) else 1.0

    def judged(self, news: float) -> Splits:
        """The same splits where each point brings so much news, as `news_of` gives it."""
        p = 2 * stdtr(self.end - self.start - 2, -self.t * math.sqrt(news))
        return replace(self, p=np.minimum(1.0, p * self.looked_at))


def best_splits(y: np.ndarray) -> Splits:
    """The best split of each window, judged as if neighbouring points were independent."""
    parts, looked_at = [], 0
    for length, starts in windows(len(y)):
        at, t = split_windows(y, length, starts)
        parts.append((starts, starts + length, starts + at, t))
        looked_at += len(starts) * (length + 1 - 2 * least_side(length))
    if not parts:
        nothing = np.empty(0, dtype=int)
        return Splits(nothing, nothing, nothing, np.empty(0), np.empty(0), 0)
    start, end, at, t = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Splits(start, end, at, t, t, looked_at).judged(news=1.0)


@lru_cache
def windows(points: int) -> tuple[tuple[int, np.ndarray], ...]:
    """Window lengths with their starts: from the whole series down to two points a side, each half over the next."""
    found: dict[int, np.ndarray] = {}
    length = float(points)
    while math.ceil(length) >= 2 * LEAST:
        size = math.ceil(length)
        count = 2 * math.ceil(points / size) - 1
        found.setdefault(size, np.unique(np.linspace(0, points - size, count).round().astype(int)))
        length *= SHRINK
    return tuple(found.items())


def least_side(length: int) -> int:
    """Points that each side of a split must have in a window of that length."""
    return max(LEAST, length // SMALLEST_SIDE)


def split_windows(y: np.ndarray, length: int, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each window of that length the best split, as an offset from its start, and |t| with pooled variance."""
    within = y[starts[:, None] + np.arange(length)]
    within = within - within.mean(axis=1, keepdims=True)
    left = np.arange(least_side(length), length - least_side(length) + 1)
    weight = left * (length - left) / length
    difference = np.cumsum(within, axis=1)[:, left - 1] / weight  # of the means; its sign does not matter here
    rest = (within**2).sum(axis=1, keepdims=True) - difference**2 * weight
    variance = np.maximum(rest / (length - 2), NOISE_FLOOR**2)
    t = np.abs(difference) * np.sqrt(weight / variance)
    best = t.argmax(axis=1)
    return left[best], t[np.arange(len(t)), best]


def choose(splits: Splits, level: float) -> list[int]:
    """Where the steps are that are significant at the level: narrowest windows first, one step to a window."""
    order = np.lexsort((splits.p, splits.end - splits.start))  # of windows of one length the surest
    order = order[splits.p[order] <= level]
    found: list[int] = []
    while len(order):
        at = int(splits.at[order[0]])
        found.append(at)
        order = order[(at <= splits.start[order]) | (splits.end[order] <= at)]
    return sorted(found)


def news_of(y: np.ndarray, splits: Splits) -> float:
    """The share of news that each point brings: 1 when neighbours are independent, else (1 - r) / (1 + r).

    r: correlation of neighbours after steps have been taken out; what is alike less often than by chance counts as 0.
    """
    edges = [0, *choose(splits, FIRST_PASS), len(y)]
    rest = y.astype(float)
    for start, end in itertools.pairwise(edges):
        rest[start:end] -= rest[start:end].mean()
    # Each level that was taken out lowers the correlation seen by about one part in n.
    return news_in(rest, len(edges) - 1)


def news_in(rest: np.ndarray, fitted: int) -> float:
    """The share of news in residuals from which `fitted` parameters have been taken out."""
    total = float(rest @ rest)
    if total <= len(rest) * NOISE_FLOOR**2:
        return 1.0
    alike = float(rest[1:] @ rest[:-1]) / total + fitted / len(rest)
    alike = min(MOST_ALIKE, max(0.0, alike))
    return (1 - alike) / (1 + alike)


def steps_of(y: np.ndarray, splits: Splits, news: float, level: float) -> list[Step]:
    """The steps that are significant at the level, each placed between its neighbours and measured.

    A narrow window places roughly; all points between the neighbours place better. What then has an interval around no
    change at all, because the window missed how much its surroundings vary, is no step.
    """
    places = choose(splits, level)
    while True:
        for index in range(len(places)):
            start, end = neighbours(places, index, len(y))
            places[index] = start + best_place(y[start:end])
        steps = [measured(y, *neighbours(places, index, len(y)), at, splits, news) for index, at in enumerate(places)]
        sure = [step for step in steps if step.low * step.high > 0]
        if len(sure) == len(steps):
            return steps
        places = [step.at for step in sure]


def best_place(part: np.ndarray) -> int:
    """The split into two levels that leaves the least sum of squares."""
    return LEAST + int(rests_of_levels(part)[LEAST - 1 : len(part) - LEAST].argmin())


def neighbours(places: list[int], index: int, points: int) -> tuple[int, int]:
    """The places of the steps before and after one, or the ends of the series."""
    return (places[index - 1] if index else 0), (places[index + 1] if index + 1 < len(places) else points)


def measured(y: np.ndarray, start: int, end: int, at: int, splits: Splits, news: float) -> Step:
    """The step at `at` between the two steps (or ends) `start` and `end`."""
    part = y[start:end]
    length = end - start
    rests = rests_of_levels(part)
    chosen = float(rests[at - start - 1])
    near = 1 + np.flatnonzero(length * (rests - chosen) / chosen * news <= LOCATION_CUT)
    as_slope = min(float(rests_of_slopes(part).min()), float(rests_of_slopes(part[::-1]).min()))
    first, last = start + int(near[0]), start + int(near[-1])
    before, after = y[start:at], y[at:end]
    size = float(after.mean() - before.mean())
    deviation = math.sqrt(chosen / max(length - 2, 1) * (1 / len(before) + 1 / len(after)) / news)
    half = float(stdtrit(max(length - 2, 1), (1 + CONFIDENCE) / 2)) * deviation
    return Step(
        at=at, earliest=first - 1, latest=last, size=size, low=size - half, high=size + half,
        p=p_of(splits, start, end, first, last), slope_fits_better=as_slope < chosen,
    )  # fmt: skip


def p_of(splits: Splits, start: int, end: int, earliest: int, latest: int) -> float:
    """The surest of the windows that hold this step and no other; where a moved neighbour left none, of all."""
    inside = (splits.start >= start) & (splits.end <= end) & (splits.at >= earliest) & (splits.at <= latest)
    if not inside.any():
        inside = (splits.at >= earliest) & (splits.at <= latest)
    return float(splits.p[inside].min()) if inside.any() else splits.least_p


def rests_of_levels(part: np.ndarray) -> np.ndarray:
    """Sums of squares around two levels, the first of 1, 2, ... points; never below the noise floor."""
    centred = part - part.mean()
    left = np.arange(1, len(part))
    sums = np.cumsum(centred)[:-1]
    rests: np.ndarray = float(centred @ centred) - sums**2 * len(part) / (left * (len(part) - left))
    np.maximum(rests, len(part) * NOISE_FLOOR**2, out=rests)
    return rests


def rests_of_slopes(y: np.ndarray) -> np.ndarray:
    """For each start, the sum of squares around a level that turns into a line there; never below the noise floor.

    Sums from the end give those of every start at once: x is 0 up to the start and then 1, 2, ... `after`.
    """
    points = len(y)
    centred = y - y.mean()
    later = np.cumsum(np.cumsum(centred[::-1]))[::-1]  # at each point, the sum of x * centred for a start before it
    after = np.arange(points - 1, MIN_LINE - 2, -1, dtype=float)
    x_sum = after * (after + 1) / 2
    spread = x_sum * (2 * after + 1) / 3 - x_sum**2 / points
    rests: np.ndarray = float(centred @ centred) - later[1 : len(after) + 1] ** 2 / spread
    np.maximum(rests, points * NOISE_FLOOR**2, out=rests)
    return rests
