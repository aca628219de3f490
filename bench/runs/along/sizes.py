"""Which sizes a run along an axis comes to: by doubling, until the next takes too long or too much memory. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.points import Value
from bench.runs.pursuit import BESIDE

FACTOR = 2  # from one size to the next
UNKNOWN_POWER = 2.0  # with which a cost is taken to grow that was seen at one size only
STEEPEST = 4.0  # power, for that of two sizes which noise or a cache made steep
LONGEST_STEP_S = 5.0
FOUND_SHARE = 0.15  # of what a first call that compiles takes, what one takes that finds everything compiled
FEWEST_COMPILED = 3  # sizes: the smallest, the largest, and one between, unless there are fewer
COMPILED_SHARE = 0.4  # of the time that other modes may take where some are compiled: then all need less sizes
COUNT_S = 1.0  # counting memory and work of a case
PLANNED = 3  # launches of every size that time is kept for: one size more tells more of a course than one launch more
FIRST_STEPS = 12  # steps besides those of a launch: answers checked and audited, memory and work counted
SHARE = 0.8  # of the time, at most, goes into having every size measured; the rest into those that are not known well
LEAST_UNCOMPILED = 0.45  # of it, at least, that the other modes have: compiling may take longer than there is time
LARGEST_SHARE = 0.25  # of it, at most, for one size: the others would wait for it, and be known less well
MEMORY_SHARE = 0.5  # of the machine's memory: checks of answers need some, and the system ends who takes all


@dataclass(frozen=True, slots=True)
class Seen:
    """One size that was tried: seconds of a step, and of the process that timed it; bytes at its peak, if known."""

    size: Value
    step_s: float
    launch_s: float
    peak_bytes: float | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Where the doubling ends. last: the largest size, if the user said one. left_s: the time that there is.

    memory_bytes: what the device has to give, if that is known. modes: in how many modes each size is measured
    that generate no code; compiled: in how many others some sizes are. compile_s: what a first call takes that
    compiles. layout_s: what making a layout of memory takes.
    """

    last: Value | None
    left_s: float
    memory_bytes: float | None
    modes: int
    compiled: int
    compile_s: float
    layout_s: float


def number(size: Value) -> float:
    """A size as a number."""
    return float(size)


def expected(known: Sequence[tuple[float, float]], size: float) -> float:
    """A cost at a size, as the last two that are known go on; a cost does not shrink."""
    last, cost = known[-1]
    power = UNKNOWN_POWER
    if len(known) > 1 and known[-2][1] > 0 and cost > 0:
        before, less = known[-2]
        power = min(STEEPEST, max(0.0, math.log(cost / less) / math.log(last / before)))
    return cost * math.exp(power * math.log(size / last))


def needed_s(tried: Sequence[Seen], limits: Limits) -> float:
    """Seconds until every size that was tried is measured, uncompiled, as often as is planned."""
    each = [COUNT_S + PLANNED * seen.launch_s + FIRST_STEPS * seen.step_s for seen in tried]
    return max(1, limits.modes) * sum(each) + PLANNED * limits.layout_s


def why_not(tried: Sequence[Seen], size: Value, limits: Limits) -> str:
    """Why the next size is not tried, given those before it, at least one; empty where it may be."""
    n = number(size)
    if limits.last is not None and n > number(limits.last):
        return f"{size} would be beyond {limits.last}"
    step_s = expected([(number(seen.size), seen.step_s) for seen in tried], n)
    if step_s > LONGEST_STEP_S:
        return f"a step at {size} would take about {step_s:.2g} s, and more than {LONGEST_STEP_S:g} s is too long"
    peaks = [(number(seen.size), seen.peak_bytes) for seen in tried if seen.peak_bytes is not None]
    if peaks and limits.memory_bytes is not None:
        peak = expected(peaks, n)
        if peak > limits.memory_bytes:
            room = f"the {limits.memory_bytes / 2**30:.3g} GiB that it may have"
            return f"a step at {size} would hold about {peak / 2**30:.3g} GiB, and {room} are less"
    launch_s = (
        tried[-1].launch_s * max(1.0, step_s / tried[-1].step_s) if tried[-1].step_s > 0.1 else tried[-1].launch_s
    )
    coming = Seen(size, step_s, launch_s, None)
    needs_s = needed_s([*tried, coming], limits)
    layouts_s = PLANNED * limits.layout_s  # which all modes share
    alone_s = needed_s([coming], limits) - layouts_s
    allowed_s = layouts_s + (SHARE * limits.left_s - layouts_s) * uncompiled_share(launch_s, limits)
    if alone_s > LARGEST_SHARE * limits.left_s or needs_s > allowed_s:
        return f"there would not be time for {size}, too (--budget)"
    return ""


def compiled_s(launch_s: float, limits: Limits) -> float:
    """Seconds that the modes which compile take at one size, where a launch of eager takes so long."""
    found_s = FOUND_SHARE * limits.compile_s
    return limits.compiled * (limits.compile_s / BESIDE + found_s + PLANNED * (found_s + launch_s / 2))


def uncompiled_share(launch_s: float, limits: Limits) -> float:
    """The share of the time for what does not compile: the rest is for as few compiled sizes as there must be."""
    if not limits.compiled:
        return 1.0
    few = FEWEST_COMPILED * compiled_s(launch_s, limits) / max(SHARE * limits.left_s, 1e-9)
    return max(LEAST_UNCOMPILED, min(1 - COMPILED_SHARE, 1 - few))


def compiled_at(tried: Sequence[Seen], limits: Limits) -> list[Value]:
    """At which of the sizes there is time for modes that compile: evenly from the smallest to the largest."""
    if not limits.compiled:
        return []
    each_s = compiled_s(max(seen.launch_s + seen.step_s * FIRST_STEPS / PLANNED for seen in tried), limits)
    count = int((SHARE * limits.left_s - needed_s(tried, limits)) / each_s)
    count = min(len(tried), max(FEWEST_COMPILED, count))
    places = {round(place * (len(tried) - 1) / max(1, count - 1)) for place in range(count)}
    return [tried[place].size for place in sorted(places)]


def following(size: Value) -> Value:
    """The next size."""
    assert isinstance(size, (int, float))
    return size * FACTOR
