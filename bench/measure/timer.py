"""How steps are timed: blocks of steps between two readings of a clock that waits for the device.

Pure given a clock; knows no device and no torch. A block is long enough that reading the clock costs under
0.1 % of it; a value is a block's time divided by its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TypeVar

T = TypeVar("T")
Clock = Callable[[], float]
Run = Callable[[], object]
Between = Callable[[float], object]
"""What is done before the first value and after each, given the seconds that a value takes."""

MIN_BLOCK_S = 0.01  # shorter blocks let a single interruption of the process dominate a value
CLOCK_SHARE = 1e-3  # largest share of a block that reading the clock may take
# What is done between values leaves caches and a step's branches cold, for some 70 us: so much of a block is run once
# more and not timed, of steps that are not far longer than that.
UNTIMED_SHARE, UNTIMED_STEP_S = 0.1, 0.01
SELF_SETTLED_S = 0.3  # such a step does many things many times
MOST_CALLS_S = 10.0  # that calls take together, however few there are by then
CLOCK_READINGS = 20  # the cheapest of so many pairs of readings is the clock's cost
MAX_STEPS_PER_VALUE = 1 << 20


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to warm up and to sample, in seconds, and how many values to take at least and at most.

    block_s: seconds of a block at least. calls_s, min_calls, max_calls: likewise for single calls, of which a
    percentile near 1 needs many.
    """

    warm_up_s: float = 0.05
    sample_s: float = 0.2
    min_values: int = 3
    max_values: int = 100
    calls_s: float = 1.0
    min_calls: int = 100
    max_calls: int = 1000
    block_s: float = MIN_BLOCK_S


# Of one of many launches: processes differ more than the values within them, so a long step is run once or twice.
# Blocks are shorter, since the machine changes within milliseconds, and each has the reference work on either side.
SHORT = Budget(
    warm_up_s=0.02, sample_s=0.05, min_values=1, max_values=100, calls_s=0.25, min_calls=2, max_calls=200,
    block_s=0.002,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Samples:
    """Values in seconds per step in the order taken, with the warm-up values before them.

    machine: what the machine did meanwhile, by name, where it was watched. readings: likewise what was read with each
    value.
    """

    values: tuple[float, ...]
    steps_per_value: int
    warm_up_values: tuple[float, ...]
    machine: tuple[tuple[str, float], ...] = ()
    readings: tuple[tuple[str, tuple[float, ...]], ...] = ()


def block_time(run: Run, steps: int, clock: Clock) -> float:
    """Seconds from enqueueing `steps` steps until the device has finished them."""
    start = clock()
    for _ in repeat(None, steps):
        run()
    return clock() - start


def clock_cost(clock: Clock) -> float:
    """Seconds that one reading of the clock takes when the device is idle."""
    return min(block_time(lambda: None, 0, clock) for _ in range(CLOCK_READINGS))


def nothing(block_s: float) -> None:
    """Between values, where nobody looks at the machine."""


def untimed_steps(steps: int, step_s: float) -> int:
    """How many steps are not timed before a block, where something was done between it and the one before."""
    return max(1, round(UNTIMED_SHARE * steps)) if step_s < UNTIMED_STEP_S else 0


def timed_steps(calls: Sequence[T], steps: int, values: int, step_s: float) -> list[Sequence[T]]:
    """Of all calls of a step, those of each value: the last call is not timed, but checked.

    step_s: seconds of a step; infinity where nobody looks at the machine between values.
    """
    apart, end = steps + untimed_steps(steps, step_s), len(calls) - 1
    return [calls[at - steps : at] for at in range(end - apart * (values - 1), end + 1, apart)]


def rewarm(run: Run, steps: int, step_s: float, between: Between) -> None:
    """After something was done between values: run what the next block would else begin cold with."""
    if between is not nothing:
        for _ in repeat(None, untimed_steps(steps, step_s)):
            run()


def calibrate(run: Run, clock: Clock, block_s: float = MIN_BLOCK_S) -> tuple[int, float]:
    """Steps per block, so that a block takes at least `block_s` and the clock under CLOCK_SHARE of it.

    Also gives the seconds per step of the block that showed it.
    """
    target = max(block_s, clock_cost(clock) / CLOCK_SHARE)
    steps = 1
    while True:
        taken = block_time(run, steps, clock)
        if taken >= target or steps >= MAX_STEPS_PER_VALUE:
            return steps, taken / steps
        # Aim a fifth above the target; grow at most tenfold, since the first blocks may be slow ones.
        steps = min(MAX_STEPS_PER_VALUE, steps * 10, max(steps + 1, round(1.2 * steps * target / max(taken, 1e-9))))


def sample(run: Run, clock: Clock, budget: Budget, between: Between = nothing) -> Samples:
    """Calibrate and warm up for the budget's time, then take values until its time or their number is reached.

    A very long step that was called before settles within itself: where one value will do, it is what the calibration
    took. Of shorter ones the second call may still take a tenth longer, while memory grows.
    """
    between(0.0)
    started = clock()
    steps, step_s = calibrate(run, clock, budget.block_s)
    if steps == 1 and budget.min_values == 1 and step_s >= SELF_SETTLED_S:
        between(step_s)
        return Samples((step_s,), steps, ())
    warm_up = [step_s]
    while clock() - started < budget.warm_up_s:
        warm_up.append(block_time(run, steps, clock) / steps)
    values: list[float] = []
    between(steps * warm_up[-1])
    started = clock()
    while len(values) < budget.max_values:
        rewarm(run, steps, warm_up[-1], between)
        values.append(block_time(run, steps, clock) / steps)
        between(steps * values[-1])
        if len(values) >= budget.min_values and clock() - started >= budget.sample_s:
            break
    return Samples(tuple(values), steps, tuple(warm_up))


def each_call(run: Run, clock: Clock, budget: Budget) -> tuple[float, ...]:
    """Seconds of single calls in the order made, after the budget's time to warm up; few of a call that takes long."""
    started = clock()
    while clock() - started < budget.warm_up_s:
        run()
    values: list[float] = []
    started = clock()
    while len(values) < budget.max_calls:
        values.append(block_time(run, 1, clock))
        taken_s = clock() - started
        if (len(values) >= budget.min_calls and taken_s >= budget.calls_s) or taken_s >= MOST_CALLS_S:
            break
    return tuple(values)
