"""One workload along an axis as a drawing: both axes logarithmic, points with their intervals, fitted lines, knees.

Geometry only: every number is a place in a drawing of WIDTH by HEIGHT. Knows no case.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.format import units
from reports.stats.growing.growth import Growth
from reports.stats.intervals import Summary

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 408, 10, 258
MARGIN = 0.04  # of an axis that is left free at both ends
STEPS_OF_A_PIECE = 24  # points of a drawn line: with an overhead it is curved
LEAST_SPACE = 42  # between two labels beside each other, so that a phone shows both
MOST_TICKS = 8  # of seconds
SIDE = 5  # a knee's mark reaches so far to both sides
Ticks = tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One mode: its points as small discs and the bars of their intervals, its fitted pieces, and marks at its knees.

    All but the discs are SVG paths.
    """

    discs: tuple[tuple[float, float, str], ...]
    bars: str
    path: str
    knees: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What the template draws."""

    lines: tuple[Line, ...]
    x_ticks: Ticks
    y_ticks: Ticks


@dataclass(frozen=True, slots=True)
class Scale:
    """From a value to a place, on logarithms."""

    low: float
    high: float
    begin: float
    end: float

    def place(self, value: float) -> float:
        """Where a value lies; beyond the drawing's edge at the edge."""
        share = (math.log(max(value, 1e-300)) - self.low) / (self.high - self.low)
        return round(self.begin + (self.end - self.begin) * min(1.0, max(0.0, share)), 1)


Drawn = tuple[Sequence[tuple[float, Summary]], Growth | None]
"""A mode's times by size, and what was fitted to them."""


def plot(modes: Sequence[Drawn]) -> Plot:
    """The drawing of some modes, at least one of which has a point."""
    sizes = [size for points, _ in modes for size, _ in points]
    times = [time for points, _ in modes for _, found in points for time in (found.low, found.high, found.estimate)]
    x = scale([size for size in sizes if size > 0], LEFT, RIGHT)
    y = scale([time for time in times if time and time > 0], BOTTOM, TOP)
    return Plot(tuple(line(points, growth, x, y) for points, growth in modes), marks(x, sizes), ticks(y))


def scale(values: Sequence[float], begin: float, end: float) -> Scale:
    """An axis on which all values have a place, with some room around them."""
    low, high = math.log(min(values)), math.log(max(values))
    room = MARGIN * (high - low) or 0.5
    return Scale(low - room, high + room, begin, end)


def line(points: Sequence[tuple[float, Summary]], growth: Growth | None, x: Scale, y: Scale) -> Line:
    """One mode."""
    discs = tuple((x.place(size), y.place(found.estimate), said(size, found)) for size, found in points)
    bars = "".join(
        f"M{x.place(size)} {y.place(found.low)}V{y.place(found.high)}"
        for size, found in points if found.low and found.high
    )  # fmt: skip
    if growth is None:
        return Line(discs, bars, "", "")
    ends = [growth.pieces[0].first, *[knee.value for knee in growth.knees], growth.pieces[-1].last]
    pieces = zip(growth.pieces, itertools.pairwise(ends), strict=True)
    path = "".join(
        "M" + "L".join(
            f"{x.place(size)} {y.place(growth.overhead + piece.factor * size**piece.exponent.value)}"
            for size in between(first, last)
        )
        for piece, (first, last) in pieces
    )  # fmt: skip
    marked = [*growth.knees, *([growth.overhead_ends] if growth.overhead_ends else [])]
    return Line(
        discs, bars, path, "".join(mark(x.place(each.value), y.place(growth.at(each.value))) for each in marked)
    )


def between(first: float, last: float) -> list[float]:
    """Sizes from one to the other, evenly on logarithms."""
    return [first * (last / first) ** (step / STEPS_OF_A_PIECE) for step in range(STEPS_OF_A_PIECE + 1)]


def mark(x: float, y: float) -> str:
    """A small diamond about a place."""
    return f"M{x} {y - SIDE:.1f}l{SIDE} {SIDE}l-{SIDE} {SIDE}l-{SIDE} -{SIDE}z"


def said(size: float, found: Summary) -> str:
    """What a point's title says."""
    sure = f" ± {units.percent(found.half_width)}" if found.half_width is not None else ""
    return f"{size_text(size)}: {units.quantity(found.estimate, 's')}{sure}"


def marks(axis: Scale, sizes: Sequence[float]) -> Ticks:
    """The sizes themselves; of many not all."""
    found: list[tuple[float, str]] = []
    for value in sorted(set(sizes)):
        if not found or axis.place(value) - found[-1][0] >= LEAST_SPACE:
            found.append((axis.place(value), size_text(value)))
    return tuple(found)


def size_text(value: float) -> str:
    """A size: whole where it is small enough to be read so."""
    if value == int(value) and value < 1e6:
        return f"{int(value)}"
    return f"{value:.0f}" if 100 <= value < 1e5 else units.quantity(value, "1") if value >= 1e5 else f"{value:.3g}"


def ticks(axis: Scale) -> Ticks:
    """Powers of ten seconds with their labels; of a short axis twos and fives, too; of a long one not all."""
    decades = range(math.floor(axis.low / math.log(10)) - 1, math.ceil(axis.high / math.log(10)) + 1)
    for steps in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
        found = [step * 10.0**decade for decade in decades for step in steps]
        found = [value for value in found if axis.low <= math.log(value) <= axis.high]
        if len(found) >= 3:
            break
    every = max(1, math.ceil(len(found) / MOST_TICKS))
    return tuple((axis.place(value), units.quantity(value, "s")) for value in found[::every])
