"""A step that changes while it is measured is told; noise and disturbed values are not."""

from __future__ import annotations

import numpy as np
import pytest

from reports.stats.trend import drift


def test_a_step_that_grows_slower_is_told_with_its_share() -> None:
    assert drift([[235e-6, 313e-6, 396e-6]]) == pytest.approx(396 / 235 - 1, rel=0.02)


def test_it_is_told_of_many_processes_by_what_most_do() -> None:
    dice = np.random.default_rng(3)
    rising = [(1e-3 * np.exp(np.linspace(0, 0.3, 10) + 0.02 * dice.normal(size=10))).tolist() for _ in range(8)]
    assert drift(rising) == pytest.approx(np.exp(0.3) - 1, rel=0.1)
    falling = [values[::-1] for values in rising]
    assert drift(falling) == pytest.approx(np.exp(-0.3) - 1, rel=0.1)


@pytest.mark.parametrize("launches", [1, 3, 10])
def test_noise_is_no_drift(launches: int) -> None:
    dice = np.random.default_rng(4)
    told = [drift([(1e-3 * np.exp(0.1 * dice.normal(size=8))).tolist() for _ in range(launches)]) for _ in range(300)]
    assert sum(found is not None for found in told) <= 6


def test_one_slow_value_is_no_drift() -> None:
    assert drift([[1.0, 1.0, 1.01, 1.0, 9.0], [1.0, 1.01, 1.0, 1.0, 1.0]]) is None


def test_two_values_say_nothing() -> None:
    assert drift([[1.0, 2.0]]) is None
    assert drift([]) is None
