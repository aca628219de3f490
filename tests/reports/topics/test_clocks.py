"""Sides of a gate whose device ran at different clocks are not compared."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.records.record import Record
from reports.stats.sequential import Rule
from reports.topics.gate.clocks import at_the_same_clock
from reports.topics.gate.figures import Jury
from reports.topics.gate.text import exceptions
from tests.reports.stored import case

PLANTED = case("planted.step", device="cuda")


def trial(base: list[float], head: list[float], times: dict[str, list[float]], throttled: int = 0) -> dict[str, Record]:
    """Both sides' records of a trial: clocks in MHz and seconds, turn by turn; so many throttled turns of head."""
    marks = {"base": (0.0,) * len(base), "head": tuple(float(turn < throttled) for turn in range(len(head)))}
    return {
        name: Record(
            f"gate/{name}", "e", PLANTED, "step_time", values=tuple(times[name]),
            readings=(("clock_mhz", tuple(clocks)), ("throttled", marks[name])),
        )
        for name, clocks in (("base", base), ("head", head))
    }  # fmt: skip


def by_clock(clocks: list[float]) -> list[float]:
    """What a step bound by the clock takes."""
    return [1.98 / clock for clock in clocks]


def test_rounds_across_a_change_of_the_clock_are_left_out() -> None:
    base, head = [1980.0, 1980.0, 1545.0, 1980.0], [1980.0, 1545.0, 1545.0, 1965.0]
    found = at_the_same_clock(trial(base, head, {"base": by_clock(base), "head": by_clock(head)}))
    assert found["base"] == (1.98 / 1980, 1.98 / 1545, 1.98 / 1980)
    assert found["head"] == (1.98 / 1980, 1.98 / 1545, 1.98 / 1965)


def test_a_device_that_says_nothing_is_compared_as_ever() -> None:
    records = trial([1.0], [2.0], {"base": [1.0], "head": [2.0]})
    silent = {name: replace(record, readings=()) for name, record in records.items()}
    assert at_the_same_clock(silent) == {"base": (1.0,), "head": (2.0,)}


def test_a_trial_at_different_clocks_says_nothing() -> None:
    base, head = [1980.0] * 4, [1545.0] * 3 + [1980.0]
    assert at_the_same_clock(trial(base, head, {"base": by_clock(base), "head": by_clock(head)})) == {}


@pytest.mark.parametrize("heard", [30])
def test_a_gate_whose_head_met_the_lower_clock_calls_nothing_slower(heard: int) -> None:
    """In half of the rounds head ran at 1,545 MHz, and took 28 % longer therefore."""
    jury = Jury([PLANTED], Rule())
    base, head = [1980.0] * 8, [1545.0] * 4 + [1980.0] * 4
    for number in range(heard):
        times = {"base": by_clock(base), "head": [value * math.exp(1e-3 * (-1) ** number) for value in by_clock(head)]}
        jury.hear(PLANTED, trial(base, head, times, throttled=4), 1.0)
    (row,) = jury.close()
    assert row.verdict == "same"
    assert row.clocks == (
        f"{4 * heard} of {8 * heard} rounds left out, whose sides ran at different clocks; "
        f"{4 * heard} of {16 * heard} turns with the clock held down by power or heat"
    )
    assert row.clocks in exceptions([row], "table")
    ratios = [two / one for one, two in zip(by_clock(base), by_clock(head), strict=True)]
    assert sorted(ratios)[len(ratios) // 2] > 1.1  # what would have been said
