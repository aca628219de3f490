"""One case's values as a small drawing: in the order taken, launch by launch, with how they are distributed.

Geometry only: every number is a place in a drawing of WIDTH by HEIGHT. Knows no colours and no case.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.format import units
from reports.stats.intervals import Launches, Summary

WIDTH, HEIGHT = 420, 76
LEFT, RIGHT = 62, 350  # the values; what lies left of them is the axis, what lies right the distribution
TOP, BOTTOM = 6, 58
GAP = 8  # between launches; less where there are many
BINS = 13  # of the distribution, along the axis
MOST_VALUES = 120  # dots per drawing; more make the page heavy and the dots one blot
FENCE = 6.0  # middle halves above the median at which the axis ends, so that one stray value does not flatten the rest


@dataclass(frozen=True, slots=True)
class Launch:
    """One process: where its values begin and end, and the height of their median."""

    number: int
    left: float
    right: float
    middle: float


@dataclass(frozen=True, slots=True)
class Strip:
    """What the template draws. `dots` and `bars` are SVG paths; `beyond` counts the values drawn at the upper edge."""

    dots: str
    bars: str
    launches: tuple[Launch, ...]
    top_label: str
    bottom_label: str
    estimate: float
    band_top: float | None
    band_bottom: float | None
    beyond: int
    said: str


def strip(launches: Launches, summary: Summary, unit: str, ends: tuple[float, float]) -> Strip:
    """The drawing of a figure's launches, whose summary is given, on an axis that begins and ends there."""
    low, high = ends

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * min(1.0, (value - low) / (high - low)), 1)

    dots, marks = [], []
    gap = min(GAP, (RIGHT - LEFT) / (3 * len(launches)))
    width = (RIGHT - LEFT - gap * (len(launches) + 1)) / len(launches)
    for number, values in enumerate(launches):
        left = LEFT + gap + number * (width + gap)
        chosen = thinned(values, max(2, MOST_VALUES // len(launches)))
        dots += [f"M{left + width * (index + 0.5) / len(values):.0f} {y(values[index]):g}h0" for index in chosen]
        middle = float(np.median(values)) if len(values) > 1 else values[0]
        marks.append(Launch(number + 1, round(left, 1), round(left + width, 1), y(middle)))
    everything = [value for values in launches for value in values]
    known = summary.low is not None and summary.high is not None and summary.low < summary.high
    return Strip(
        "".join(dots), bars(everything, low, high), tuple(marks), units.quantity(high, unit),
        units.quantity(low, unit), y(summary.estimate),
        max(float(TOP), y(summary.high)) if known and summary.high else None,
        min(float(BOTTOM), y(max(low, summary.low))) if known and summary.low else None,
        sum(value > high for value in everything),
        f"{len(everything)} values in {len(launches)} launches, from {units.quantity(min(everything), unit)} "
        f"to {units.quantity(max(everything), unit)}",
    )  # fmt: skip


def axis(runs: Sequence[Launches]) -> tuple[float, float]:
    """Where the axis of several runs of a case begins and ends, so that each can be seen."""
    ends = [around([value for values in launches for value in values]) for launches in runs]
    return min(low for low, _ in ends), max(high for _, high in ends)


def around(values: Sequence[float]) -> tuple[float, float]:
    """Ends around all values, but for those far above the rest."""
    low, high = min(values), max(values)
    if low == high:
        margin = abs(high) * 0.05 or 1.0
        return max(0.0, low - margin), high + margin
    first, middle, third = np.percentile(values, [25, 50, 75])
    fence = float(middle + FENCE * (third - first))
    high = min(high, fence) if fence > middle else high
    margin = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    return max(0.0, low - margin), high + margin


def thinned(values: Sequence[float], most: int) -> list[int]:
    """Which values are drawn: every kth, so that at most `most` are, and always the smallest and the largest."""
    if len(values) <= most:
        return list(range(len(values)))
    step = math.ceil(len(values) / most)
    kept = {*range(0, len(values), step), int(np.argmin(values)), int(np.argmax(values))}
    return sorted(kept)


def bars(values: Sequence[float], low: float, high: float) -> str:
    """How all values are distributed along the axis: a path of a line per bin that holds any; nothing of one value."""
    if len(values) == 1:
        return ""
    counts, _ = np.histogram(np.minimum(values, high), BINS, (low, high))
    room, height = WIDTH - RIGHT - 16, (BOTTOM - TOP) / BINS
    return "".join(
        f"M{RIGHT + 8} {BOTTOM - height * (bin + 0.5):.1f}h{room * count / counts.max():.0f}"
        for bin, count in enumerate(counts)
        if count
    )
