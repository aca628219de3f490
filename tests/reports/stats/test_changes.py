"""Steps and drifts, on simulated series whose changes are known: false finds, power, places, sizes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.stats.changes import LEVEL, Change, cut_of, exact_changes, noisy_changes
from reports.stats.drifts import kendall_s, mann_kendall
from reports.stats.level_shifts import MIN_LINE, rests_of_slopes, windows
from tests.reports.simulated import NOISE, shape, times

LEAST = 0.01


def find(series: list[list[float]]) -> list[list[Change]]:
    return noisy_changes(series, LEAST)


def among_flat(values: list[float], others: int) -> list[Change]:
    """The changes of a series in a report in which nothing else changed."""
    # Benjamini and Hochberg's procedure leaves the smallest of so many p-values this part of the level.
    return noisy_changes([values], LEAST, LEVEL / (others + 1))[0]


@pytest.mark.parametrize(("kind", "most"), [("normal", 0.05), ("t3", 0.05), ("alike", 0.07)])
@pytest.mark.parametrize("points", [6, 10, 30])
def test_one_unchanged_series_is_seldom_called_changed(kind: str, most: float, points: int) -> None:
    random = np.random.default_rng(points)
    rounds = 300
    wrong = sum(bool(find([times("flat", points, 0, random, kind)])[0]) for _ in range(rounds))
    assert wrong / rounds <= most


def test_a_report_of_many_unchanged_series_is_seldom_wrong_anywhere() -> None:
    random = np.random.default_rng(1)
    wrong = sum(any(find([times("flat", 20, 0, random) for _ in range(30)])) for _ in range(30))
    assert wrong / 30 <= 0.1  # 5 % and the luck of thirty draws


@pytest.mark.parametrize(
    ("name", "points", "size", "others", "least_found"),
    [
        ("step", 10, 10, 50, 0.85),
        ("step", 20, 5, 50, 0.9),
        ("step", 20, 5, 0, 0.98),
        ("step", 50, 3, 50, 0.9),
        ("late", 20, 10, 50, 0.95),
        ("late", 50, 10, 50, 0.95),
        ("bump", 20, 10, 50, 0.9),
        ("bump", 50, 5, 50, 0.9),
    ],
)
def test_steps_are_found_where_they_are(name: str, points: int, size: int, others: int, least_found: float) -> None:
    random = np.random.default_rng(2)
    _, places = shape(name, points, size)
    rounds, found, near = 60, 0, 0
    for _ in range(rounds):
        changes = among_flat(times(name, points, size * NOISE, random), others)
        steps = [change for change in changes if change.kind == "step"]
        found += sum(any(abs(step.after - place) <= 1 for step in steps) for place in places)
        near += sum(any(step.earliest < place <= step.latest for step in steps) for place in places)
    assert found / rounds / len(places) >= least_found
    assert near >= 0.95 * found


def test_the_interval_of_a_step_covers_its_size() -> None:
    random = np.random.default_rng(3)
    covered = counted = 0
    for _ in range(200):
        for step in find([times("step", 20, 0.2, random)])[0]:
            counted += 1
            covered += step.low <= math.exp(0.2) <= step.high
    assert counted >= 195
    assert covered / counted >= 0.92


@pytest.mark.parametrize(("name", "points", "size"), [("line", 40, 6), ("line", 100, 4), ("ramp", 60, 8)])
def test_a_drift_is_found_and_is_no_step(name: str, points: int, size: int) -> None:
    random = np.random.default_rng(4)
    rounds, drifts, began, ratios = 60, 0, 0, []
    start = 0 if name == "line" else points // 2
    for _ in range(rounds):
        changes = among_flat(times(name, points, size * NOISE, random), 50)
        if [change.kind for change in changes] == ["drift"]:
            drifts += 1
            began += changes[0].earliest <= start < changes[0].latest
            ratios.append(changes[0].ratio)
    assert drifts / rounds >= 0.9
    assert began / drifts >= 0.85
    assert np.median(ratios) == pytest.approx(math.exp(size * NOISE), rel=0.03)


@pytest.mark.parametrize("size", [3, 5, 10])
def test_a_step_is_not_called_a_drift(size: int) -> None:
    random = np.random.default_rng(5)
    kinds = [change.kind for _ in range(100) for change in among_flat(times("step", 30, size * NOISE, random), 20)]
    assert kinds.count("drift") <= 3
    assert kinds.count("step") >= 60


def test_small_steps_that_add_up_are_a_drift() -> None:
    random = np.random.default_rng(6)
    levels = np.repeat(1.004 ** np.arange(8), 6)  # 0.4 % each, 2.8 % in all
    (change,) = among_flat((levels * np.exp(random.normal(0, 1e-3, len(levels)))).tolist(), 10)
    assert change.kind == "drift"
    assert change.ratio == pytest.approx(1.004**7, rel=0.01)


def test_a_step_below_what_is_worth_naming_is_neither() -> None:
    random = np.random.default_rng(7)
    levels = np.repeat([1.0, 1.008], 20)
    assert among_flat((levels * np.exp(random.normal(0, 1e-3, 40))).tolist(), 10) == []


def test_a_step_and_the_drift_after_it_are_told_apart() -> None:
    random = np.random.default_rng(8)
    logs = np.concatenate([np.zeros(30), 0.3 + np.linspace(0, 0.1, 60)])
    changes = find([np.exp(logs + random.normal(0, 0.01, 90)).tolist()])[0]
    assert [change.kind for change in changes] == ["step", "drift"]
    assert changes[0].after == 30
    assert changes[1].until == 89


def test_one_odd_measurement_is_no_step() -> None:
    random = np.random.default_rng(9)
    for _ in range(50):
        values = times("flat", 30, 0, random)
        values[15] *= 2
        assert find([values])[0] == []


finite = st.lists(st.floats(0.5, 2.0), min_size=0, max_size=25)
calm = st.lists(st.floats(0.97, 1.03), min_size=6, max_size=20)
stepped = calm.map(lambda values: [*values, *[3 * value for value in values]])  # in which something is found


@given(finite | stepped, st.floats(1e-6, 1e6), st.integers(0, 25))
def test_the_unit_of_a_series_changes_nothing(values: list[float], scale: float, at: int) -> None:
    values = [value * (1.5 if index >= at else 1.0) for index, value in enumerate(values)]
    plain, scaled = find([values])[0], find([[value * scale for value in values]])[0]
    assert [(c.kind, c.before, c.until) for c in plain] == [(c.kind, c.before, c.until) for c in scaled]
    assert [c.ratio for c in plain] == pytest.approx([c.ratio for c in scaled])


@given(finite | stepped)
def test_what_is_found_lies_within_the_series(values: list[float]) -> None:
    for change in find([values])[0]:
        assert 0 <= change.earliest <= change.before < change.after <= change.latest < len(values)
        assert change.low <= change.ratio * (1 + 1e-9)
        assert change.ratio <= change.high * (1 + 1e-9)


@given(stepped)
def test_a_clear_step_is_found_read_forwards_and_backwards(values: list[float]) -> None:
    middle = len(values) // 2
    forth, back = (next(c for c in find([order])[0] if c.after == middle) for order in (values, values[::-1]))
    assert (forth.kind, back.kind) == ("step", "step")
    assert forth.ratio > 2.7
    assert back.ratio < 1 / 2.7


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 2.0, 2.0], [1.0] * 30])
def test_too_few_or_equal_points_have_no_change(values: list[float]) -> None:
    assert find([values]) == [[]]


def test_a_figure_without_noise_that_changes_is_surely_found() -> None:
    (change,) = find([[0.216] * 4 + [0.3] * 4])[0]
    assert (change.kind, change.before, change.after) == ("step", 3, 4)


def test_figures_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="not above 0"):
        find([[1.0, 0.0, 1.0]])
    with pytest.raises(ValueError, match="not above 0"):
        find([[1.0, math.nan, 1.0]])


def test_exact_figures_change_wherever_they_differ() -> None:
    assert [(c.before, c.after, c.ratio, c.p) for c in exact_changes([8, 8, 9, 9, 6])] == [
        (1, 2, 9 / 8, None),
        (3, 4, 6 / 9, None),
    ]
    assert exact_changes([0.0, 0.0]) == []
    assert exact_changes([0.0, 1.0])[0].ratio == math.inf
    assert exact_changes([]) == []


def test_benjamini_and_hochberg_on_their_own_example() -> None:
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
         0.7590, 1.0]  # fmt: skip
    assert sum(value <= cut_of(p, 0.05) for value in p) == 4
    assert cut_of([0.9, 0.5], 0.05) < 0
    assert cut_of([], 0.05) < 0


def test_mann_kendall_on_known_trends() -> None:
    # S = 45 of 10 points: variance 125, z = 44 / sqrt(125).
    assert mann_kendall(np.arange(10.0)) == pytest.approx(math.erfc(44 / math.sqrt(125) / math.sqrt(2)))
    assert mann_kendall(np.ones(10)) == 1


@given(st.lists(st.integers(-3, 3), max_size=40))
def test_rising_and_falling_pairs_are_counted_as_one_by_one(values: list[int]) -> None:
    y = np.array(values, dtype=float)
    first, second = np.triu_indices(len(y), 1)
    assert kendall_s(y) == np.sign(y[second] - y[first]).sum()


@pytest.mark.parametrize("points", [MIN_LINE, 5, 9, 40, 500])
def test_a_line_from_each_start_leaves_what_least_squares_leave(points: int) -> None:
    y = np.random.default_rng(points).normal(size=points) + np.maximum(0, np.arange(points) - points / 2)
    found = rests_of_slopes(y)
    assert len(found) == points - MIN_LINE + 1
    for start, rest in enumerate(found):
        line = np.stack([np.ones(points), np.maximum(0, np.arange(points) - start)], axis=1)
        assert rest == pytest.approx(np.sum((y - line @ np.linalg.lstsq(line, y)[0]) ** 2), rel=1e-6)


def test_windows_cover_every_place_at_every_length() -> None:
    for points in (5, 12, 57):
        for length, starts in windows(points):
            covered = {at for start in starts for at in range(start, start + length)}
            assert covered == set(range(points))
