"""Blocks of steps, timed by a clock that waits."""

from __future__ import annotations

import json
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure import machine
from bench.measure.machine import MOST_REFERENCES, References
from bench.measure.timer import (
    CLOCK_SHARE,
    MIN_BLOCK_S,
    SHORT,
    Budget,
    calibrate,
    clock_cost,
    each_call,
    nothing,
    rewarm,
    sample,
)
from bench.measure.turns import alternate
from bench.records.record import REFERENCE
from tests.fakes import FakeDevice


@given(st.floats(2e-6, 2.0))
def test_a_queued_step_is_measured_exactly(step_s: float) -> None:
    device = FakeDevice()
    samples = sample(lambda: device.enqueue(step_s), device.clock, Budget())
    assert samples.values == pytest.approx([step_s] * len(samples.values), rel=1e-6)


def test_a_forgotten_synchronize_gives_a_wrong_figure() -> None:
    device = FakeDevice(launch_s=1e-5)
    budget = Budget(warm_up_s=0.01, sample_s=0.01)
    right = sample(lambda: device.enqueue(1e-3), device.clock, budget)
    wrong = sample(lambda: device.enqueue(1e-3), device.host_clock, budget)
    assert min(right.values) == pytest.approx(1e-3)
    assert max(wrong.values) < 0.02 * 1e-3


def test_the_device_is_synchronized_twice_per_block_not_per_step() -> None:
    device = FakeDevice()
    device.synchronizations = 0
    samples = sample(lambda: device.enqueue(1e-5), device.clock, Budget(0.0, 0.0, min_values=10, max_values=10))
    steps = samples.steps_per_value * len(samples.values)
    assert steps > 100 * device.synchronizations / 10


@given(st.floats(2e-6, 1.0))
def test_a_block_is_long_enough_and_no_longer_than_it_must_be(step_s: float) -> None:
    device = FakeDevice()
    steps, measured_s = calibrate(lambda: device.enqueue(step_s), device.clock)
    assert steps * step_s >= MIN_BLOCK_S * 0.999
    assert steps == 1 or steps * step_s <= 10 * MIN_BLOCK_S
    assert measured_s == pytest.approx(step_s, rel=1e-6)


def test_a_slow_clock_makes_blocks_longer() -> None:
    device = FakeDevice()

    def slow_clock() -> float:
        device.now_s += 1e-4
        return device.clock()

    steps, _ = calibrate(lambda: device.enqueue(1e-3), slow_clock)
    assert steps * 1e-3 >= 0.999 * clock_cost(slow_clock) / CLOCK_SHARE


def test_warm_up_values_are_kept_apart() -> None:
    device = FakeDevice()
    times = iter([1.0] * 3)
    samples = sample(lambda: device.enqueue(next(times, 0.02)), device.clock, Budget(warm_up_s=2.5, sample_s=0.1))
    assert max(samples.warm_up_values) == pytest.approx(1.0)
    assert max(samples.values) == pytest.approx(0.02)


def test_a_long_step_is_not_run_more_often_than_needed() -> None:
    device, runs = FakeDevice(), []
    samples = sample(lambda: runs.append(device.enqueue(5.0)), device.clock, Budget())
    assert len(samples.values) == 3
    assert len(runs) == 4  # one to calibrate, which is the warm-up too


@pytest.mark.parametrize(("step_s", "calls"), [(0.5, 1), (0.2, 2)])
def test_where_one_value_will_do_only_a_very_long_step_is_its_own_warm_up(step_s: float, calls: int) -> None:
    device, runs = FakeDevice(), []
    samples = sample(lambda: runs.append(device.enqueue(step_s)), device.clock, SHORT)
    assert samples.values == pytest.approx([step_s])
    assert len(runs) == calls


def test_a_clock_costs_what_its_cheapest_readings_do() -> None:
    device, seconds = FakeDevice(), iter([3e-6, 1e-6, 2e-6] * 100)

    def clock() -> float:
        device.now_s += next(seconds)
        return device.clock()

    assert clock_cost(clock) == pytest.approx(1e-6)


def test_single_calls_are_waited_for_one_by_one() -> None:
    device = FakeDevice(launch_s=1e-5)
    seconds = iter([0.002, *[0.001] * 8, 0.003])
    budget = Budget(warm_up_s=0.001, calls_s=0.0, min_calls=9, max_calls=9)
    values = each_call(lambda: device.enqueue(next(seconds)), device.clock, budget)
    assert values == pytest.approx([0.001] * 8 + [0.003], rel=0.02)  # the first one was the warm-up


def test_calls_go_on_until_their_time_is_over_or_there_are_enough() -> None:
    device = FakeDevice()
    few = each_call(lambda: device.enqueue(0.5), device.clock, Budget(calls_s=1.0, min_calls=10))
    many = each_call(lambda: device.enqueue(1e-3), device.clock, Budget(calls_s=0.5, min_calls=10))
    most = each_call(lambda: device.enqueue(1e-5), device.clock, Budget(calls_s=0.5, max_calls=200))
    assert (len(few), len(most)) == (10, 200)
    assert len(many) == pytest.approx(500, rel=0.02)


@given(st.floats(2e-6, 2.0))
def test_the_machine_is_looked_at_before_the_first_value_and_after_each(step_s: float) -> None:
    device, looks = FakeDevice(), References("cpu")
    samples = sample(lambda: device.enqueue(step_s), device.clock, SHORT, looks.between)
    ((name, read),) = looks.readings(len(samples.values))
    assert name == REFERENCE
    assert len(read) == len(samples.values)
    assert min(read) > 0


def test_a_value_has_the_mean_of_the_looks_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter((9.0, 1.0, 2.0, 4.0))
    monkeypatch.setattr(machine, "reference", lambda: next(taken))
    looks = References("cpu")
    for _ in range(4):
        looks.look(0.0)
    assert looks.readings(2) == ((REFERENCE, (1.5, 3.0)),)
    assert looks.readings(4) == ()  # a look is missing: then nothing is known of any


def test_the_reference_work_is_what_it_was_before_anybody_could_replace_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that makes it slow would be told as one on a slow machine."""
    for module, name in ((json, "dumps"), (json, "loads"), (time, "perf_counter")):
        monkeypatch.setattr(module, name, lambda *given: pytest.fail("a replaced one was called"))
    assert machine.reference() > 0


def test_beside_a_long_value_the_reference_work_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    monkeypatch.setattr(machine, "reference", lambda: asked.append(1e-4) or 1e-4)
    References("cpu").look(0.005)
    assert len(asked) == 2
    References("cpu").look(0.05)
    assert len(asked) == 2 + 1 + 10
    References("cpu").look(60.0)
    assert len(asked) == 13 + 1 + MOST_REFERENCES


def test_of_a_device_of_its_own_nobody_looks_at_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "reference", lambda: pytest.fail("somebody looked"))
    looks = References("cuda")
    looks.between(0.1)
    assert looks.readings(1) == ()


def test_turns_are_looked_at_between_rounds() -> None:
    device, seen = FakeDevice(), []
    runs = [lambda: device.enqueue(1e-3), lambda: device.enqueue(2e-3)]
    values = alternate(runs, (3, 2), 4, device.clock, random.Random(1), seen.append)
    assert [len(own) for own in values] == [4, 4]
    assert seen == pytest.approx([0.0, *[7e-3] * 4], abs=1e-4)


@pytest.mark.parametrize(("step_s", "more"), [(1e-5, 20), (1e-3, 1), (0.005, 1), (0.02, 0)])
def test_after_a_look_some_steps_are_not_timed(step_s: float, more: int) -> None:
    """What is done between values leaves caches cold; with nothing between there is nothing to make good."""
    device, calls = FakeDevice(), []
    steps = max(1, round(SHORT.block_s / step_s))
    rewarm(lambda: calls.append(device.enqueue(step_s)), steps, step_s, lambda block_s: None)
    assert len(calls) == more
    rewarm(lambda: calls.append(device.enqueue(step_s)), steps, step_s, nothing)
    assert len(calls) == more
