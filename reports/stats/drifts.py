"""Slow drift in one stretch of logarithms: whether, how much, since where. Pure; knows no commit, case or file.

Whether: the Mann-Kendall test (Kendall: "Rank correlation methods", 1975), which any monotone trend trips and one odd
value does not. How much: the Theil-Sen slope, the median of the slopes of all pairs, with Sen's interval (Sen:
"Estimates of the regression coefficient based on Kendall's tau", JASA 63, 1968). Since where: least squares of a level
that turns into a line. As for steps, the test counts neighbours that are alike for less than one point each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, ndtr, ndtri

from reports.stats.intervals import CONFIDENCE
from reports.stats.level_shifts import LEAST, news_in, rests_of_levels, rests_of_slopes

MIN_POINTS = 8
START_CUT = float(chdtri(1, 1 - CONFIDENCE))  # likelihood ratio of one parameter, 95 %


@dataclass(frozen=True, slots=True)
class Drift:
    """A trend that leaves the level at point `start`, 95 % sure between `earliest` and `latest`, up to the last point.

    apart: difference between the medians of the last and the first quarter, in logarithms. p: chance of such a trend
    without one. news: the share of news that each point brings. step_fits_better: the points lie closer to two levels
    than to a level that turns into a line.
    """

    start: int
    earliest: int
    latest: int
    apart: float
    p: float
    news: float
    step_fits_better: bool


@dataclass(frozen=True, slots=True)
class Size:
    """The change from a drift's start to the last point, in logarithms, with its 95 % interval."""

    value: float
    low: float
    high: float


def drift_of(y: np.ndarray) -> Drift | None:
    """The trend of a stretch, significant or not; None when it has too few points."""
    points = len(y)
    if points < MIN_POINTS:
        return None
    rests = rests_of_slopes(y)
    start = int(rests.argmin())
    news = news_in(around_slope(y, start), 3)
    near = np.flatnonzero(points * np.log(rests / rests.min()) * news <= START_CUT)
    quarter = max(2, points // 4)
    as_step = float(rests_of_levels(y)[LEAST - 1 : points - LEAST].min())
    return Drift(
        start=start, earliest=int(near[0]), latest=int(near[-1]),
        apart=float(np.median(y[-quarter:]) - np.median(y[:quarter])), p=mann_kendall(y, news), news=news,
        step_fits_better=as_step < float(rests.min()),
    )  # fmt: skip


def size_of(y: np.ndarray, drift: Drift) -> Size:
    """How far the drift of a stretch leads, by the slopes of all pairs of its points."""
    later = y[drift.start :]
    return Size(*(slope * (len(later) - 1) for slope in sen_interval(later, drift.news)))


def around_slope(y: np.ndarray, start: int) -> np.ndarray:
    """What is left of a series after the least-squares fit of a level that turns into a line at `start`."""
    x = np.maximum(0.0, np.arange(len(y)) - start)
    x -= x.mean()
    centred = y - y.mean()
    rest: np.ndarray = centred - x * float(x @ centred) / float(x @ x)
    return rest


def slopes_of(y: np.ndarray) -> np.ndarray:
    """The slopes of all pairs of points, per point."""
    first, second = np.triu_indices(len(y), 1)
    slopes: np.ndarray = (y[second] - y[first]) / (second - first)
    return slopes


def deviation_of_s(y: np.ndarray) -> float:
    """Standard deviation of Kendall's S without a trend, ties allowed for."""
    n = len(y)
    _, ties = np.unique(y, return_counts=True)
    variance = n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())
    return math.sqrt(max(variance, 0.0) / 18)


def mann_kendall(y: np.ndarray, news: float = 1.0) -> float:
    """p-value of a monotone trend, two-sided, by the normal approximation with continuity correction."""
    deviation = deviation_of_s(y)
    if deviation == 0:
        return 1.0
    return float(2 * ndtr(-max(abs(kendall_s(y)) - 1, 0) / deviation * math.sqrt(news)))


def kendall_s(y: np.ndarray) -> int:
    """Kendall's S: of all pairs of points, how many rise less how many fall.

    Counted as by merge sort: at each width, between the left and the right half of every block of two widths.
    """
    points = len(y)
    ranks = np.unique(y, return_inverse=True)[1]
    places, s, width = np.arange(points), 0, 1
    while width < points:
        block, is_right = places // (2 * width), places // width % 2 == 1
        keys = block * points + ranks  # in order of blocks, and by value within one
        lefts, rights = np.sort(keys[~is_right]), keys[is_right]
        below = np.searchsorted(lefts, rights, "left") + np.searchsorted(lefts, rights, "right")
        s += int((below - (2 * block[is_right] + 1) * width).sum())
        width *= 2
    return s


def sen_interval(y: np.ndarray, news: float) -> tuple[float, float, float]:
    """The Theil-Sen slope per point, and the ends of its 95 % interval."""
    slopes = slopes_of(y)
    reach = float(ndtri((1 + CONFIDENCE) / 2)) * deviation_of_s(y) / math.sqrt(news)
    low = max(math.floor((len(slopes) - reach) / 2), 0)
    high = min(math.ceil((len(slopes) + reach) / 2), len(slopes) - 1)
    middle = (len(slopes) - 1) // 2, len(slopes) // 2
    ordered = np.partition(slopes, sorted({low, *middle, high}))
    return float(ordered[[*middle]].mean()), float(ordered[low]), float(ordered[high])
