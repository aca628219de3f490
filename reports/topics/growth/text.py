"""How cost grows, as tables and sentences for a terminal or Markdown, and as JSON. Computes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from reports.format import units
from reports.format.tables import grid, plain, title
from reports.stats.growing.growth import FEWEST_SIZES, LEAST_JUMP, Estimate, Growth, Piece
from reports.stats.growing.shapes import shape_of
from reports.stats.intervals import Ratio
from reports.topics.cells import placed, sureness
from reports.topics.growth.figures import Course, Curve, Gain, Point, knee_cache
from reports.topics.growth.plot import size_text
from reports.topics.overview.known import BASE

HEADERS = ["mode", "of", "from", "to", "exponent [95 %]", "about", "at first", "at last"]
ENOUGH_SIZES = 8  # of which a knee can be told
TIME, MEMORY = "step time", "peak memory"
NOTE = (
    "exponent: k of a + b n^k, where a is an overhead that does not grow. Of what is no power, such as n log n, it is "
    "the mean\nover the sizes; about: the usual cost whose mean exponent over these sizes is as large, within 0.05."
)


def growth_text(courses: Sequence[Course], style: str = "table") -> str:
    """A table and what it means, for each course; empty where there is none."""
    if not courses:
        return ""
    told = [
        "\n\n".join(part for part in (points(each, style), table(each, style), lines(each, style)) if part)
        for each in courses
    ]
    return "\n\n".join([title("How cost grows", style), *told, NOTE])


def points(course: Course, style: str) -> str:
    """What was measured at each size, headed by the workload and where that was."""
    first = course.curves[0].points[0].figure
    unusual = [first.dtype] * (first.dtype not in ("float32", "")) + [f"{first.threads} threads"] * (first.threads > 1)
    where = ", ".join(part for part in (placed(course.device, first), *unusual, course.rest) if part)
    heading = plain(f"{course.workload} ({where}), along {course.axis}\n\n", style)
    headers = [course.axis]
    for curve in course.curves:
        headers += [curve.mode, "95 %", "peak memory"]
    headers += [f"{gain.mode} / {BASE} [95 %]" for gain in course.gains]
    found = [{point.size: point for point in curve.points} for curve in course.curves]
    ratios = [dict(gain.ratios) for gain in course.gains]
    cells = [
        [
            size_text(each), *[text for own in found for text in measured(own.get(each))],
            *[ratio(own.get(each)) for own in ratios],
        ]
        for each in sorted({each for own in found for each in own})
    ]  # fmt: skip
    return heading + grid(headers, cells, style, 0)


def measured(point: Point | None) -> list[str]:
    """The step time of a mode at a size, how sure it is, and its memory."""
    if point is None:
        return [units.DASH] * 3
    time = point.time
    return [
        units.quantity(time.estimate, "s"), sureness(time.estimate, time.low, time.high),
        units.quantity(point.peak_bytes, "B"),
    ]  # fmt: skip


def ratio(found: Ratio | None) -> str:
    """A ratio with its interval."""
    if found is None or found.low is None or found.high is None:
        return units.ratio(found.value if found else None)
    return f"{units.ratio(found.value)} [{units.ratio(found.low)}, {units.ratio(found.high)}]"


def table(course: Course, style: str) -> str:
    """Every piece of every mode."""
    cells = [
        [curve.mode, what, *row(piece, growth, unit)]
        for curve in course.curves
        for what, unit, growth in ((TIME, "s", curve.growth), (MEMORY, "B", curve.memory))
        if growth
        for piece in growth.pieces
    ]
    if not cells:
        return f"An exponent takes {FEWEST_SIZES} sizes that could be measured, and there are fewer."
    return grid(HEADERS, cells, style, 2)


def row(piece: Piece, growth: Growth, unit: str) -> list[str]:
    """The cells of a piece; `at first` and `at last` are what the fit says there, in the unit."""
    return [
        size_text(piece.first), size_text(piece.last), exponent(piece.exponent), shape_of(piece) or units.DASH,
        units.quantity(growth.at(piece.first), unit), units.quantity(growth.at(piece.last), unit),
    ]  # fmt: skip


def lines(course: Course, style: str = "table") -> str:
    """What the figures mean, a line each."""
    return "\n".join(f"- {plain(line, style)}" for line in meanings(course))


def meanings(course: Course) -> Iterator[str]:
    """Where overhead and caches end, what fits in memory, and from when on another mode pays."""
    for curve in course.curves:
        if curve.growth:
            yield from of_times(course, curve, curve.growth)
        elif len(curve.points) >= FEWEST_SIZES:
            yield f"{curve.mode}: no a + b n^k describes its times at {len(curve.points)} sizes; more sizes may tell"
        if curve.memory and course.memory_bytes:
            yield fitting(course, curve, course.memory_bytes)
    yield from (paying(course, gain) for gain in course.gains)


def of_times(course: Course, curve: Curve, growth: Growth) -> Iterator[str]:
    """Where the overhead of a mode ends, and its knees."""
    said = f"{curve.mode}: "
    if growth.overhead_ends:
        yield (
            f"{said}overhead, {units.quantity(growth.overhead, 's')} a step, is half of the cost at {course.axis} "
            f"{estimate(growth.overhead_ends)}, and less beyond"
        )
    for number, knee in enumerate(growth.knees):
        before, after = growth.pieces[number : number + 2]
        yield (
            f"{said}a knee at {course.axis} {estimate(knee)}, from n^{before.exponent.value:.2f} to "
            f"n^{after.exponent.value:.2f}{jumping(growth.jump(number))}{cached(course, curve, knee)}"
        )
    if growth.misfit:
        more = "; more sizes may tell why" if len(curve.points) < ENOUGH_SIZES else ""
        yield f"{said}times lie {units.percent(growth.misfit)} off the line, which is in the intervals{more}"


def jumping(times: float) -> str:
    """How far the cost jumps at a knee, if it does."""
    return f", where it costs {units.ratio(times)} times as much" if abs(math.log(times)) >= LEAST_JUMP else ""


def cached(course: Course, curve: Curve, knee: Estimate) -> str:
    """What a step holds at a knee, and which cache that fills, as far as it is known."""
    if curve.memory is None:
        return ""
    held = f"; a step holds {units.quantity(curve.memory.at(knee.value), 'B')} there"
    cache = knee_cache(curve, knee, course.caches)
    return held + (f", about what the level {cache[0]} cache does ({units.quantity(cache[1], 'B')})" if cache else "")


def fitting(course: Course, curve: Curve, limit: float) -> str:
    """What fits in the device's memory."""
    room = f"the {units.quantity(limit, 'B')} of the {course.device}"
    if curve.fits is None:
        return f"{curve.mode}: its memory grows too little, or too unevenly, to say at which size {room} would end"
    largest = max(point.size for point in curve.points)
    beyond = ", far beyond what was measured" if curve.fits > 16 * largest else ""
    return f"{curve.mode}: fits in {room} up to {course.axis} {size_text(curve.fits)} or so{beyond}"


def paying(course: Course, gain: Gain) -> str:
    """From which size on a mode is faster than eager."""
    last = ""
    if gain.ratios:
        asked = max(len(curve.points) for curve in course.curves)
        some = f"; {len(gain.ratios)} of {asked} sizes were compared" if len(gain.ratios) < asked else ""
        last = f" ({gain.mode} / {BASE} is {units.ratio(gain.ratios[-1][1].value)} at the largest{some})"
    if gain.pays is None:
        return f"{gain.mode} never surely pays within what was measured{last}"
    if gain.pays.high is None:
        return f"{gain.mode} pays from the smallest size on{last}"
    low = "below the smallest" if gain.pays.low is None else size_text(gain.pays.low)
    about = "below the smallest" if gain.pays.value is None else size_text(gain.pays.value)
    return (
        f"{gain.mode} surely pays from {course.axis} {size_text(gain.pays.high)} on, and likely from {about} "
        f"[{low}, {size_text(gain.pays.high)}]{last}"
    )


def exponent(found: Estimate) -> str:
    """An exponent with its interval, such as '1.98 [1.95, 2.01]'."""
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def estimate(found: Estimate) -> str:
    """A size with its interval."""
    return f"{size_text(found.value)} [{size_text(found.low)}, {size_text(found.high)}]"


def as_json(courses: Sequence[Course]) -> list[dict[str, Any]]:
    """Every course for programs: seconds, bytes and sizes, with the ends of their 95 % intervals."""
    return [
        {
            "workload": each.workload, "device": each.device, "axis": each.axis, "point": each.rest,
            "memory_bytes": each.memory_bytes, "modes": [of_curve(curve) for curve in each.curves],
            "pays": {
                gain.mode: {
                    "from": asdict(gain.pays) if gain.pays else None,
                    "ratios": [
                        {"size": place, "value": ratio.value, "low": ratio.low, "high": ratio.high}
                        for place, ratio in gain.ratios
                    ],
                }
                for gain in each.gains
            },
        }
        for each in courses
    ]  # fmt: skip


def of_curve(curve: Curve) -> dict[str, Any]:
    """A mode for programs."""
    return {
        "mode": curve.mode, "fits_up_to": curve.fits,
        "step_time": asdict(curve.growth) if curve.growth else None,
        "peak_memory": asdict(curve.memory) if curve.memory else None,
        "points": [
            {"size": point.size, "step_time": point.time.estimate, "low": point.time.low, "high": point.time.high}
            for point in curve.points
        ],
    }  # fmt: skip
