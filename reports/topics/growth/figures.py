"""How cost grows along an axis: what the steps of one workload say of it, size by size and mode by mode. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.records.points import point_of, text_of
from bench.records.record import RANKS, Environment
from reports.read.frames import Figure
from reports.read.pairs import time_ratio
from reports.read.rows import summary_of
from reports.stats.growing.crossing import Below, below_from
from reports.stats.growing.growth import Estimate, Growth, growth_of
from reports.stats.growing.observed import Cost, seen
from reports.stats.intervals import Ratio, Summary
from reports.topics.overview.known import BASE

FEWEST, SPAN = 5, 16.0  # sizes, and times from the smallest to the largest: fewer are points of a table, and no course
LEAST_GROWN = 1.2  # times that the peak of the largest size is of the smallest's: less tells nothing of what would fit
MOST_OFF = 0.02  # of the line through peak memories, for it to say what lies far beyond them
COUNTED_FLOOR = 1e-3  # of peak memory: nothing disturbs it, so smaller shares than of times are told apart
MOST_MISFIT = 0.3  # a share that times may lie off a line, beyond their noise, for it to be called theirs
NEAR_CACHE = 2.0  # times as much or as little as a cache holds


@dataclass(frozen=True, slots=True)
class Point:
    """One case: its size, its figure, its step time in seconds, and its peak memory in bytes where that is known."""

    size: float
    figure: Figure
    time: Summary
    peak_bytes: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """One mode. growth: of its step time in seconds; memory: of its peak memory in bytes; None where there is no fit,
    or times lie far off it.

    fits: the largest size whose memory the device has, as far as the fit tells.
    """

    mode: str
    points: tuple[Point, ...]
    growth: Growth | None
    memory: Growth | None
    fits: float | None


@dataclass(frozen=True, slots=True)
class Gain:
    """What another mode than eager gains: its step time over eager's by size, and from which size on it pays."""

    mode: str
    ratios: tuple[tuple[float, Ratio], ...]
    pays: Below | None


@dataclass(frozen=True, slots=True)
class Course:
    """One workload along one of its axes; `rest` is the point's other axes. memory_bytes: what its device has.

    caches: of the CPU it ran on, each with its level and bytes; empty where they are not known or not its own.
    """

    workload: str
    device: str
    axis: str
    rest: str
    curves: tuple[Curve, ...]
    gains: tuple[Gain, ...]
    memory_bytes: float | None
    caches: tuple[tuple[int, float], ...]


def courses(
    figures: Sequence[Figure], environments: Mapping[str, Environment], fewest: int = FEWEST, span: float = SPAN
) -> list[Course]:
    """Every workload that was timed at so many sizes or more along an axis, all else being alike."""
    found: dict[tuple[object, ...], list[Figure]] = defaultdict(list)
    for figure in figures:
        if figure.status != "measured" or figure.metric not in ("step_time", "peak_memory"):
            continue
        point = dict(point_of(figure.point))
        for axis in (axis for axis in point if size_of(figure, axis) is not None and axis != RANKS):
            rest = text_of((name, value) for name, value in point.items() if name != axis)
            key = (
                figure.workload, figure.device, axis, rest, figure.dtype, figure.threads, figure.version,
                figure.source, figure.environment,
            )  # fmt: skip
            found[key].append(figure)
    made = (
        course(str(key[0]), str(key[1]), str(key[2]), str(key[3]), own, environments.get(str(key[-1])))
        for key, own in found.items()
        if reaches(own, str(key[2]), fewest, span)
    )
    return list(made)


def size_of(figure: Figure, axis: str) -> float | None:
    """The figure's value on an axis, if that is a number above 0."""
    value = dict(point_of(figure.point)).get(axis)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(float(value)) and value > 0 else None  # type: ignore[arg-type,operator]


def reaches(figures: Sequence[Figure], axis: str, fewest: int, span: float) -> bool:
    """Whether some mode was timed at enough sizes, far enough from each other."""
    sizes: dict[str, set[float]] = defaultdict(set)
    for figure in figures:
        size = size_of(figure, axis)
        if figure.metric == "step_time" and size:
            sizes[figure.mode].add(size)
    return any(len(own) >= fewest and max(own) >= span * min(own) for own in sizes.values())


def course(
    workload: str, device: str, axis: str, rest: str, figures: Sequence[Figure], environment: Environment | None
) -> Course:
    """One workload along an axis."""
    by: dict[tuple[str, str], list[tuple[float, Figure]]] = defaultdict(list)
    for figure in figures:
        by[figure.mode, figure.metric].append((size_of(figure, axis) or 0.0, figure))
    limit = memory_of(device, environment)
    modes = dict.fromkeys(figure.mode for figure in figures if figure.metric == "step_time")
    curves = tuple(curve(mode, by[mode, "step_time"], by[mode, "peak_memory"], limit) for mode in modes)
    base = dict(by[BASE, "step_time"])
    gains = tuple(gain(mode, base, dict(by[mode, "step_time"])) for mode in modes if mode != BASE and base)
    return Course(workload, device, axis, rest, curves, gains, limit, caches_of(device, environment))


def curve(
    mode: str, times: Sequence[tuple[float, Figure]], peaks: Sequence[tuple[float, Figure]], limit: float | None
) -> Curve:
    """One mode, from its step times and peak memories by size."""
    held = {size: figure.launches[0][0] for size, figure in peaks}
    points = tuple(
        Point(size, figure, summary_of(figure), held.get(size))
        for size, figure in sorted(times, key=lambda each: each[0])
    )
    memory = growth_of(
        seen([Cost(size, figure.launches[:1]) for size, figure in peaks if figure.launches[0][0] > 0]), 1, COUNTED_FLOOR
    )
    sizes = sorted(held.values())
    tells = memory and limit and memory.misfit <= MOST_OFF and sizes[-1] > LEAST_GROWN * sizes[0]
    fits = memory.reaches(limit) if memory and limit and tells else None
    timed = seen([Cost(point.size, point.figure.launches, point.figure.layouts) for point in points])
    growth = growth_of(timed)
    return Curve(mode, points, growth if growth and growth.misfit <= MOST_MISFIT else None, memory, fits)


def gain(mode: str, base: Mapping[float, Figure], head: Mapping[float, Figure]) -> Gain:
    """What a mode gains at each size that eager was timed at, too."""
    ratios = tuple((size, time_ratio(base[size], head[size])) for size in sorted(head) if size in base)
    return Gain(mode, ratios, below_from(ratios))


def memory_of(device: str, environment: Environment | None) -> float | None:
    """The bytes that a device has, if its environment says so."""
    found = environment.get("memory_bytes" if device == "cpu" else "gpu_memory_bytes") if environment else None
    return float(found) if isinstance(found, int) and found > 0 else None


def caches_of(device: str, environment: Environment | None) -> tuple[tuple[int, float], ...]:
    """The caches of the CPU, for what runs on it."""
    if device != "cpu" or environment is None:
        return ()
    sizes = ((level, environment.get(f"cache_{level}_bytes")) for level in (1, 2, 3, 4))
    return tuple((level, float(size)) for level, size in sizes if isinstance(size, int) and size > 0)


def cache_near(held_bytes: float, caches: Sequence[tuple[int, float]]) -> tuple[int, float] | None:
    """The cache that holds about as much as this, if one does."""
    near = [each for each in caches if 1 / NEAR_CACHE <= held_bytes / each[1] <= NEAR_CACHE]
    return min(near, key=lambda each: abs(math.log(held_bytes / each[1])), default=None)


def knee_cache(curve: Curve, knee: Estimate, caches: Sequence[tuple[int, float]]) -> tuple[int, float] | None:
    """The cache that what a step holds at a knee just fills."""
    return cache_near(curve.memory.at(knee.value), caches) if curve.memory else None
