"""Launches as they would have been on the machine as it usually was."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reports.stats.intervals import compare, summarize
from reports.stats.levelled import FEWEST, levelled, slope

PACES = (0.9, 1.0, 1.4, 0.95, 1.3, 1.0, 1.05, 1.2)
DICE = np.random.default_rng(7)


def following(follows: float, paces: tuple[float, ...] = PACES, noise: float = 0.0) -> list[tuple[float, ...]]:
    """Launches of a step of 1 ms that follows the pace by so much."""
    return [(1e-3 * pace**follows * math.exp(noise * DICE.normal()),) for pace in paces]


@pytest.mark.parametrize("follows", [0.3, 1.0, 1.7])
def test_a_step_that_follows_the_pace_is_known_far_better(follows: float) -> None:
    before, after = (summarize(found) for found in (following(follows), levelled(following(follows), PACES)))
    assert before.half_width is not None
    assert after.half_width is not None
    assert after.half_width < before.half_width / 5
    assert after.estimate == pytest.approx(1e-3, rel=0.01)


def test_a_step_that_does_not_care_stays_what_it_was() -> None:
    found = levelled([(1e-3,)] * len(PACES), PACES)
    assert [value for (value,) in found] == pytest.approx([1e-3] * len(PACES))


def test_of_a_steady_machine_no_slope_is_taken() -> None:
    launches = [(1e-3 * (1 + 0.01 * number),) for number in range(8)]
    steady = [1 + 1e-4 * (-1) ** number for number in range(8)]
    assert [value for (value,) in levelled(launches, steady)] == pytest.approx(
        [value for (value,) in launches], rel=1e-4
    )
    assert [value for (value,) in levelled(launches, [1.0] * 8)] == pytest.approx([value for (value,) in launches])


def test_one_launch_that_was_disturbed_in_a_way_of_its_own_changes_nothing() -> None:
    launches = following(1.0, noise=0.01)
    disturbed = [*launches[:3], (2 * launches[3][0],), *launches[4:]]
    before, after = (summarize(levelled(found, PACES)).estimate for found in (launches, disturbed))
    assert after == pytest.approx(before, rel=0.03)


def test_where_the_pace_is_not_known_launches_are_left_alone() -> None:
    launches = following(1.0)
    assert levelled(launches, ()) is launches
    assert levelled(launches, PACES[:-1]) is launches
    assert levelled(launches, (0.0, *PACES[1:])) is launches
    assert levelled(launches[: FEWEST - 1], PACES[: FEWEST - 1]) is not None
    assert levelled(launches[: FEWEST - 1], PACES[: FEWEST - 1]) == launches[: FEWEST - 1]
    assert levelled([(0.0,)] * 8, PACES) == [(0.0,)] * 8


def test_launches_of_a_slow_minute_are_less_sure_of_the_usual_machine() -> None:
    """What they say of it is told by a slope, and that is not known exactly."""
    own = following(1.0, noise=0.02)
    near, far = (summarize(levelled(own, [pace * slower for pace in PACES])).half_width for slower in (1.0, 1.5))
    assert near is not None
    assert far is not None
    assert far > 1.5 * near


def test_sides_that_were_measured_at_different_paces_compare_as_the_same() -> None:
    """Both have the same usual pace; by chance one had more slow launches."""
    first, second = (1.0, 1.3, 1.3, 0.95, 1.35, 1.0, 1.28, 1.3), (1.0, 0.97, 1.3, 0.95, 1.0, 1.0, 1.02, 0.98)
    sides = [(following(1.0, paces, 0.005), paces) for paces in (first, second)]
    raw = compare(*(launches for launches, _ in sides))
    found = compare(*(levelled(launches, paces) for launches, paces in sides))
    assert raw.value < 0.85
    assert found.value == pytest.approx(1.0, abs=0.02)


def test_the_slope_is_that_of_most_pairs() -> None:
    slow = np.log(PACES)
    assert slope(0.7 * slow, slow) == pytest.approx(0.7)
    bent = 0.7 * slow
    bent[2] += 1.0
    assert slope(bent, slow) == pytest.approx(0.7, abs=0.3)
    assert slope(slow, np.zeros(len(slow))) == 0.0
