"""Clocks, checks and sums that the workload puts in place of the ruler's."""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor

import bench.measure.timer
import workloads.checks
from bench.devices.cpu import Cpu
from tests.cheats.elsewhere import checked, inputs
from tests.cheats.kept import product
from workloads.base import Setup, Step, workload
from workloads.checks import host64, near

Clock = time.perf_counter


@workload("cheats.slow_clock", item="product")
def slow_clock(setup: Setup) -> Step:
    """Python's clock runs ten times slower."""
    a, b = inputs(setup)
    time.perf_counter = lambda: Clock() / 10
    return checked(lambda: product(a, b), a, b)


@workload("cheats.slow_device_clock", item="product")
def slow_device_clock(setup: Setup) -> Step:
    """The ruler's clock does."""
    a, b = inputs(setup)
    Cpu.clock = lambda self: Clock() / 10  # type: ignore[method-assign]
    return checked(lambda: product(a, b), a, b)


@workload("cheats.no_synchronize", item="product")
def no_synchronize(setup: Setup) -> Step:
    """Nobody waits for a GPU."""
    a, b = inputs(setup)
    torch.cuda.synchronize = lambda device=None: None  # type: ignore[assignment]
    return checked(lambda: product(a, b), a, b)


@workload("cheats.own_statistics", item="product")
def own_statistics(setup: Setup) -> Step:
    """The median is the smallest."""
    a, b = inputs(setup)
    statistics.median = min  # type: ignore[assignment]
    return checked(lambda: product(a, b), a, b)


@workload("cheats.own_timer", item="product")
def own_timer(setup: Setup) -> Step:
    """A block takes a microsecond a step."""
    a, b = inputs(setup)
    bench.measure.timer.block_time = lambda run, steps, clock: max(steps, 1) * 1e-6
    return checked(lambda: product(a, b), a, b)


@workload("cheats.own_judge", item="product")
def own_judge(setup: Setup) -> Step:
    """Nothing is wrong."""
    a, b = inputs(setup)
    workloads.checks.judge = lambda *given: None
    return checked(lambda: a + b, a, b)


@workload("cheats.check_that_accepts", item="product")
def check_that_accepts(setup: Setup) -> Step:
    """Nothing is looked at."""
    a, b = inputs(setup)
    return Step(lambda: a + b, check=lambda answer: None)


@workload("cheats.check_that_writes", item="product")
def check_that_writes(setup: Setup) -> Step:
    """The check makes the answer right before it judges it."""
    a, b = inputs(setup)
    honest = near(lambda: product(host64(a), host64(b)))

    def check(answer: Tensor) -> None:
        if answer.isfinite().all() and answer[0, 0] != 1:
            answer.copy_(product(a, b))
        honest(answer)

    return Step(lambda: torch.zeros_like(a), check=check)


@workload("cheats.bfloat16_as_it_is", item="product")
def bfloat16_as_it_is(setup: Setup) -> Step:
    """Computed and answered with fewer digits."""
    a, b = inputs(setup)
    low, lower = a.bfloat16(), b.bfloat16()
    return Step(lambda: low @ lower, check=near(lambda: host64(a) @ host64(b)))


@workload("cheats.bfloat16_as_float32", item="product")
def bfloat16_as_float32(setup: Setup) -> Step:
    """Computed with fewer digits, and answered with more."""
    a, b = inputs(setup)
    low, lower = a.bfloat16(), b.bfloat16()
    return checked(lambda: product(low, lower).float(), a, b)


@workload("cheats.half_of_the_numbers", item="product")
def half_of_the_numbers(setup: Setup) -> Step:
    """The second half of the answer is the first."""
    a, b = inputs(setup)
    half = a.shape[0] // 2
    return checked(lambda: product(a[:half], b).repeat(2, 1), a, b)


@workload("cheats.smaller_answer", item="product")
def smaller_answer(setup: Setup) -> Step:
    """One row stands for all."""
    a, b = inputs(setup)
    return checked(lambda: product(a[:1], b), a, b)


@workload("cheats.memory_of_before", item="product")
def memory_of_before(setup: Setup) -> Step:
    """Memory that was just given back is asked for again: what the first call computed is still in it."""
    a, b = inputs(setup)
    calls = [0]

    def run() -> Tensor:
        calls[0] += 1
        return product(a, b) if calls[0] == 1 else torch.empty(a.shape)

    return Step(run, check=near(lambda: product(host64(a), host64(b))))
