"""How cost grows: planted costs are found for what they are, with noise as launches have it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from reports.stats.growing.crossing import below_from
from reports.stats.growing.growth import Estimate, Growth, Piece, growth_of
from reports.stats.growing.observed import Cost, seen
from reports.stats.growing.shapes import mean_exponent, shape_of
from reports.stats.intervals import Ratio

SIZES = tuple(2**power for power in range(6, 17))
SEEDS = 40
KNEE = 4000.0
Planted = Callable[[float], float]

# Each with its last exponent, and the knees and the end of the overhead that it has.
PLANTED: dict[str, tuple[Planted, float, float | None, float | None]] = {
    "n": (lambda n: n, 1.0, None, None),
    "n log n": (lambda n: n * math.log(n), mean_exponent(1, 1, SIZES[0], SIZES[-1]), None, None),
    "n^2": (lambda n: n**2, 2.0, None, None),
    "n^2 + overhead": (lambda n: n**2 + 900.0**2, 2.0, None, 900.0),
    "a constant": (lambda n: 5.0, 0.0, None, None),
    "a bend": (lambda n: n * max(1.0, n / KNEE) ** 0.6, 1.6, KNEE, None),
    "a cache": (lambda n: n if n < KNEE else 3 * n, 1.0, KNEE, None),
    "overhead and a cache": (lambda n: 900 + (n if n < 2 * KNEE else 3 * n), 1.0, 2 * KNEE, 900.0),
}


def grown(cost: Planted, noise: float, launches: int, seed: int, sizes: Sequence[int] = SIZES) -> Growth:
    dice = np.random.default_rng(seed)
    found = growth_of(
        seen([Cost(n, [(cost(n) * math.exp(noise * dice.normal()),) for _ in range(launches)]) for n in sizes])
    )
    assert found is not None
    return found


def is_near(found: Estimate | None, truth: float | None) -> bool:
    """Whether what is found is there, and within a factor of 1.5; or neither is."""
    return (found is None) == (truth is None) and (found is None or abs(math.log(found.value / truth)) < math.log(1.5))


@pytest.mark.parametrize(("noise", "launches"), [(0.01, 8), (0.03, 4), (0.03, 12)])
@pytest.mark.parametrize("name", PLANTED)
def test_planted_costs_are_found(name: str, noise: float, launches: int) -> None:
    cost, exponent, knee, end = PLANTED[name]
    right = 0
    for seed in range(SEEDS):
        found = grown(cost, noise, launches, seed)
        knees = found.knees[0] if found.knees else None
        right += (
            abs(found.pieces[-1].exponent.value - exponent) < 0.05
            and len(found.knees) <= 1
            and is_near(knees, knee)
            and is_near(found.overhead_ends, end)
        )
    assert right >= 0.95 * SEEDS


@pytest.mark.parametrize("name", ["n", "n^2", "n^2 + overhead", "a constant", "a bend"])
def test_as_many_intervals_hold_the_exponent_as_they_say(name: str) -> None:
    cost, exponent, _, _ = PLANTED[name]
    intervals = [grown(cost, 0.02, 6, seed).pieces[-1].exponent for seed in range(200)]
    held = sum(each.low <= exponent <= each.high for each in intervals)
    assert 0.90 * 200 <= held <= 0.99 * 200


def test_as_many_intervals_hold_the_end_of_the_overhead_as_they_say() -> None:
    ends = [grown(PLANTED["n^2 + overhead"][0], 0.02, 6, seed).overhead_ends for seed in range(200)]
    assert 0.90 * 200 <= sum(each is not None and each.low <= 900.0 <= each.high for each in ends) <= 0.99 * 200


@pytest.mark.parametrize("common", [0.0, 0.3])
def test_what_a_sweep_does_to_all_sizes_is_no_noise_of_theirs(common: float) -> None:
    intervals, whole = [], []
    for seed in range(200):
        dice = np.random.default_rng(seed)
        sweeps = common * dice.normal(size=6)
        costs = [Cost(n, [(n * math.exp(each + 0.02 * dice.normal()),) for each in sweeps], range(6)) for n in SIZES]
        found = growth_of(seen(costs))
        plain = growth_of(seen([Cost(cost.size, cost.launches) for cost in costs]))
        assert found is not None
        assert plain is not None
        intervals.append(found.pieces[0].exponent)
        whole.append(plain.pieces[0].exponent.high - plain.pieces[0].exponent.low)
    assert 0.90 * 200 <= sum(each.low <= 1 <= each.high for each in intervals) <= 0.99 * 200
    width = float(np.median([each.high - each.low for each in intervals]))
    assert width < 0.02
    assert common == 0 or np.median(whole) > 3 * width


def test_launches_of_which_no_sweep_is_known_stay_as_they_are() -> None:
    costs = [Cost(n, [(float(n),), (2.0 * n,)], () if n == SIZES[0] else (None, None)) for n in SIZES]
    assert np.allclose(seen(costs).errors, seen([Cost(cost.size, cost.launches) for cost in costs]).errors)


def test_sizes_that_are_irregular_widen_intervals_and_make_no_knees() -> None:
    shapes: Counter[int] = Counter()
    held = 0
    for seed in range(100):
        dice = np.random.default_rng(1000 + seed)
        own = {n: math.exp(0.05 * dice.normal()) for n in SIZES}
        found = grown(lambda n, own=own: n**2 * own[n], 0.01, 8, seed)  # type: ignore[misc]
        shapes[len(found.pieces)] += 1
        held += found.pieces[-1].exponent.low <= 2 <= found.pieces[-1].exponent.high
        assert len(found.pieces) > 1 or 0.01 < found.misfit < 0.15
    assert shapes[1] >= 95
    assert held >= 88


def test_a_cost_that_is_counted_is_found_exactly_and_goes_on() -> None:
    found = growth_of(seen([Cost(n, [(4096.0 + 12.0 * n**2,)]) for n in SIZES]), 1, 1e-3)
    assert found is not None
    assert found.pieces[0].exponent.value == pytest.approx(2, abs=1e-6)
    assert found.overhead == pytest.approx(4096, rel=1e-4)
    assert found.reaches(4096.0 + 12.0 * 1e14) == pytest.approx(1e7, rel=1e-4)
    assert found.reaches(1000.0) is None
    flat = growth_of(seen([Cost(n, [(8.0,)]) for n in SIZES]))
    assert flat is not None
    assert flat.reaches(1e9) is None


def test_a_cost_between_and_beyond_the_sizes_is_that_of_its_piece() -> None:
    found = grown(PLANTED["a cache"][0], 0.001, 8, 1)
    assert found.at(1000) == pytest.approx(1000, rel=0.01)
    assert found.at(1e6) == pytest.approx(3e6, rel=0.02)


def test_few_sizes_are_no_fit_and_one_launch_has_wide_intervals() -> None:
    assert growth_of(seen([Cost(1.0, [(1.0,)]), Cost(2.0, [(2.0,)])])) is None
    found = grown(lambda n: n, 0.05, 1, 1, SIZES[:3])
    assert found.pieces[0].exponent.high - found.pieces[0].exponent.low > 0.3


def test_a_piece_is_called_after_the_usual_cost_that_it_looks_like() -> None:
    def piece(exponent: float, first: float = 64.0) -> Piece:
        return Piece(first, 65536.0, 1.0, Estimate(exponent, exponent, exponent))

    assert [shape_of(piece(each)) for each in (0.01, 1.02, 1.13, 1.5, 1.99, 2.15, 3.0, 2.6)] == [
        "constant", "n", "n log n", "n^1.5", "n^2", "n^2 log n", "n^3", "",
    ]  # fmt: skip
    assert shape_of(piece(1.14, first=1.0)) == ""  # log 1 is 0, and no cost


def ratios(*found: tuple[float, float, float]) -> list[tuple[float, Ratio]]:
    return [(float(10**place), Ratio(value, low, high)) for place, (low, value, high) in enumerate(found)]


def test_a_ratio_comes_to_lie_below_1_between_two_sizes() -> None:
    found = below_from(ratios((1.5, 2.0, 4.0), (0.8, 1.0, 1.25), (0.4, 0.5, 0.8)))
    assert found is not None
    assert found.value == pytest.approx(10)
    assert found.high == pytest.approx(10 * 10**0.5)
    assert found.low == pytest.approx(10 ** (math.log(1.5) / math.log(1.5 / 0.8)))
    assert not found.always


def test_a_ratio_that_always_or_never_lies_below_1_has_no_crossing() -> None:
    always = below_from(ratios((0.8, 0.9, 0.95), (0.7, 0.8, 0.9)))
    assert always is not None
    assert always.always
    assert below_from(ratios((0.8, 0.9, 0.95), (0.9, 0.99, 1.1))) is None
    assert below_from([(1.0, Ratio(0.5, None, None))]) is None
    assert below_from([]) is None
    unknown = (1e9, Ratio(0.5, None, None))
    found = below_from([*ratios((0.8, 0.9, 0.95)), unknown])
    assert found is not None
    assert found.always


def test_the_last_crossing_counts() -> None:
    found = below_from(ratios((0.5, 0.5, 0.5), (2.0, 2.0, 2.0), (0.5, 0.5, 0.5)))
    assert found is not None
    assert found.value == pytest.approx(10**1.5)


def counted(cost: Planted, sizes: Sequence[int]) -> Growth:
    """Of a cost that nothing disturbs, as peak memory is."""
    found = growth_of(seen([Cost(n, [(cost(n),)]) for n in sizes]), 1, 1e-3)
    assert found is not None
    return found


@pytest.mark.parametrize("last", [16, 64, 1024])
def test_weights_beside_what_grows_are_seen_in_memory_and_what_fits_follows(last: int) -> None:
    sizes = [2**power for power in range(int(math.log2(last)) + 1)]
    found = counted(lambda n: 100e6 + 1e6 * n, sizes)
    assert found.overhead == pytest.approx(100e6, rel=0.05)
    assert found.reaches(64 * 2**30) == pytest.approx(68_619, rel=0.1)


def test_what_hardly_grows_reaches_nothing_that_a_number_could_say() -> None:
    found = counted(lambda n: 100e6 * n**0.0022, [2**power for power in range(8)])
    assert found.reaches(64 * 2**30) is None
