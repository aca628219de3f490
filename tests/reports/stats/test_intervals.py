"""Estimates, intervals and ratios, against known distributions and by their symmetries."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.read.rows import verdict_of
from reports.stats.intervals import ONE_LAUNCH, Ratio, compare, difference_rank, ranked_differences, summarize
from reports.stats.speedup import break_even, mean, speedup

times = st.lists(st.lists(st.floats(1e-6, 1e2), min_size=1, max_size=8), min_size=1, max_size=5)


@given(times, times)
def test_the_ratio_of_swapped_sides_is_the_inverse(base: list[list[float]], head: list[list[float]]) -> None:
    forth, back = compare(base, head), compare(head, base)
    assert forth.value * back.value == pytest.approx(1)
    if forth.low is not None and forth.high is not None and back.low is not None:
        assert forth.low <= forth.value * (1 + 1e-9)
        if math.isfinite(forth.high) and back.low > 0:
            assert forth.high * back.low == pytest.approx(1)


@given(times, times, st.floats(1e-3, 1e3))
def test_scaling_both_sides_changes_nothing(base: list[list[float]], head: list[list[float]], scale: float) -> None:
    plain = compare(base, head)
    scaled = compare([[v * scale for v in vs] for vs in base], [[v * scale for v in vs] for vs in head])
    assert scaled.value == pytest.approx(plain.value)
    if plain.low and plain.high and abs(plain.low - 1) > 1e-6 and abs(plain.high - 1) > 1e-6:
        assert verdict_of(scaled, True, True) == verdict_of(plain, True, True)


@pytest.mark.parametrize("true_ratio", [1.0, 1.1])
def test_the_interval_covers_the_truth_as_often_as_it_says(true_ratio: float) -> None:
    random = np.random.default_rng(0)
    covered, rounds = 0, 2000
    for _ in range(rounds):
        # Launches differ by 3 %, the values within one by 1 %: only the former may decide the interval's width.
        base, head = (
            [list(level * np.exp(random.normal(0, 0.03)) * np.exp(random.normal(0, 0.01, 10))) for _ in range(3)]
            for level in (1.0, true_ratio)
        )
        found = compare(base, head)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= true_ratio <= found.high
    assert 0.93 <= covered / rounds <= 0.985  # Welch's t is a little conservative with three against three


@pytest.mark.parametrize(("first", "second"), [(2, 9), (4, 5), (5, 5), (6, 3)])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_rank_of_a_difference_is_that_of_all_orders(first: int, second: int, confidence: float) -> None:
    """Every order of the launches of two sides that are alike is as likely: counted one by one."""
    places = range(first + second)
    negative = [
        sum(other < own for own in chosen for other in places if other not in chosen)
        for chosen in itertools.combinations(places, first)
    ]
    least = [rank for rank in range(1, first * second) if 2 * np.mean(np.array(negative) < rank) <= 1 - confidence]
    assert difference_rank(first, second, confidence) == (max(least) if least else None)


def test_of_many_launches_the_rank_is_about_the_same_as_counted() -> None:
    counted = [difference_rank(30, number, 0.99) or 0 for number in (28, 29, 30)]
    assert difference_rank(31, 30, 0.99) == pytest.approx(counted[2] + (counted[2] - counted[1]), abs=2)


def test_more_differences_than_memory_holds_are_ranked_without_them() -> None:
    dice = np.random.default_rng(1)
    a, b = dice.normal(size=1500), dice.normal(0.1, size=1200)
    seen = np.sort(np.subtract.outer(b, a), axis=None)
    for rank in (1, 1000, 850_000):
        assert ranked_differences(a, b, rank) == pytest.approx((seen[rank - 1], seen[-rank]), abs=1e-12)
    many = [[value] for value in np.exp(dice.normal(0, 0.01, size=200_000)).tolist()]
    found = compare(many, many)  # 40 thousand million differences
    assert found.low is not None
    assert found.high is not None
    assert 0.999 < found.low < 1 < found.high < 1.001


def test_one_launch_has_no_interval_and_is_warned_about() -> None:
    alone = summarize([[1.0, 1.1] * 10])
    assert alone.warnings == (ONE_LAUNCH,)
    assert alone.low is None
    assert alone.spread is not None
    found = compare([[1.0] * 10], [[2.0] * 10])
    assert verdict_of(found, True, True) == "undecided"
    assert summarize([[1.0] * 10, [1.1] * 10]).warnings == ()


def test_one_value_has_no_interval() -> None:
    summary = summarize([[2.0]])
    assert (summary.estimate, summary.low, summary.high, summary.half_width) == (2.0, None, None, None)
    assert compare([[1.0]], [[2.0]]).low is None


def test_a_slow_start_of_one_launch_does_not_move_the_estimate() -> None:
    assert summarize([[9.0, 1.0, 1.0, 1.0, 1.0], [1.0] * 5]).estimate == pytest.approx(1.0)


def test_exact_figures_are_compared_for_equality() -> None:
    assert compare([[8.0]], [[8.0]], exact=True) == Ratio(1.0, 1.0, 1.0)
    assert compare([[8.0]], [[9.0]], exact=True).value == pytest.approx(9 / 8)
    assert compare([[0.0]], [[0.0]], exact=True).value == 1
    assert compare([[0.0]], [[1.0]], exact=True).value == math.inf
    assert summarize([[8.0], [9.0]], exact=True).warnings == ("differs between launches",)


def test_no_values_are_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        summarize([[]])
    with pytest.raises(ValueError, match="no values"):
        compare([[1.0]], [])


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.05, 1.10, "slower"),
        (0.90, 0.95, "faster"),
        (0.98, 1.02, "same"),
        (1.01, 1.02, "same"),
        (0.95, 1.05, "undecided"),
        (1.01, 1.06, "slower"),
        (None, None, "undecided"),
    ],
)
def test_verdicts_of_times(low: float | None, high: float | None, verdict: str) -> None:
    assert verdict_of(Ratio(1.0, low, high), lower_is_better=True, time=True) == verdict


def test_verdicts_of_exact_figures() -> None:
    assert verdict_of(Ratio(1.0, 1.0, 1.0), True, False, exact=True) == "same"
    assert verdict_of(Ratio(1.01, 1.01, 1.01), True, False, exact=True) == "worse"
    assert verdict_of(Ratio(1.01, 1.01, 1.01), False, False, exact=True) == "better"


def test_break_even_on_known_costs() -> None:
    # 10 s longer to the first answer, 1 ms gained per step: 10000 steps.
    assert break_even(mean([10.0]), mean([1e-3])).steps == pytest.approx(10_000)
    assert break_even(mean([10.0]), mean([0.0])).steps == math.inf
    assert break_even(mean([10.0]), mean([-1e-3])).steps == math.inf
    assert break_even(mean([-0.5]), mean([1e-3])).steps == 0


def test_a_speedup_is_the_inverse_ratio() -> None:
    assert speedup(Ratio(0.5, 0.4, 0.8)) == Ratio(2.0, 1.25, 2.5)
    assert speedup(Ratio(0.5, None, None)) == Ratio(2.0, None, None)
