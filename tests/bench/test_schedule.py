"""Which launch comes next in a run with a budget: by made-up standings, and whole runs on made-up machines."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.runs.schedule import ENOUGH_LAUNCHES, Standing, becomes_known, expected_s, sweep
from tests.proof.machines import KINDS, LAUNCH_S, covered, over_values, played

STANDINGS = st.dictionaries(
    st.integers(0, 20),
    st.builds(Standing, st.integers(0, 30), st.floats(0, 50) | st.just(math.inf), st.floats(0.01, 20), st.booleans()),
)


@given(STANDINGS, st.floats(0, 100))
def test_a_sweep_ends_in_time_and_has_nothing_that_is_known(standings: dict[int, Standing], left_s: float) -> None:
    chosen = sweep(standings, left_s)
    assert len(set(chosen)) == len(chosen)
    assert not any(standings[key].is_known for key in chosen)
    assert sum(standings[key].cost_s for key in chosen) <= left_s + 1e-9
    able = [each for each in standings.values() if not each.is_known and each.cost_s <= left_s]
    assert bool(chosen) == bool(able)
    assert expected_s(standings, left_s) <= left_s


@given(STANDINGS, st.floats(0, 100), st.floats(0, 30))
def test_what_is_known_fills_a_short_sweep_up(standings: dict[int, Standing], left_s: float, least_s: float) -> None:
    alone, chosen = sweep(standings, left_s), sweep(standings, left_s, least_s)
    assert chosen[: len(alone)] == alone
    more = chosen[len(alone) :]
    assert len(set(more)) == len(more)
    assert all(standings[key].is_known for key in more)
    lasts_s = sum(standings[key].cost_s for key in chosen)
    assert lasts_s <= left_s + 1e-9
    unused = [each for key, each in standings.items() if each.is_known and key not in more]
    assert not alone or lasts_s >= least_s or all(lasts_s + each.cost_s > left_s for each in unused)


def test_what_has_the_fewest_launches_comes_first_whatever_it_costs() -> None:
    known = Standing(9, 0.5, 0.1, is_known=True)
    standings = {"cheap": Standing(2, 9.0, 0.1), "dear": Standing(1, math.inf, 5.0), "known": known}
    assert sweep(standings, 60) == ["dear", "cheap"]


def test_who_looks_seldom_is_seldom_wrong() -> None:
    assert [launches for launches in range(20) if becomes_known(launches, 0.9)] == [8, 12, 18]
    assert not becomes_known(8, 1.1)
    assert Standing(9, 1.01, 0.1).needed == 3


def test_what_cannot_be_used_comes_before_what_could_be_better() -> None:
    standings = {"poor": Standing(10, 8.0, 0.01), "fair": Standing(10, 1.5, 0.01)}
    assert sweep(standings, 60) == ["poor"]


def test_where_time_is_short_as_much_as_possible_becomes_known() -> None:
    standings = {"far": Standing(20, 3.0, 1.0), "near": Standing(20, 1.1, 1.0)}
    assert standings["near"].needed == 27 - 20  # the next look
    assert sweep(standings, 10) == ["near"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_ends_in_time_and_looks_again_at_what_it_knew_early(kind: str) -> None:
    run = played(kind, seed=1)
    assert run.now_s <= run.limit_s + LAUNCH_S
    assert all(len(subject.launches) >= ENOUGH_LAUNCHES for subject in run.subjects)
    assert all(subject.last_s >= run.now_s / 3 for subject in run.subjects)
    known = [subject.is_known for subject in run.subjects]
    assert run.now_s >= run.limit_s - LAUNCH_S * len(run.subjects) or all(known)


def test_the_same_measurements_lead_to_the_same_run() -> None:
    first, second = (played("noisy", seed=5) for _ in range(2))
    assert [subject.launches for subject in first.subjects] == [subject.launches for subject in second.subjects]


def test_a_quiet_machine_is_known_soon() -> None:
    assert played("quiet", seed=2).now_s < 30


@pytest.mark.parametrize("kind", ["quiet", "one_in_five"])
def test_intervals_hold_the_truth_and_those_of_a_wrong_rule_do_not(kind: str) -> None:
    assert covered(kind, runs=6)[0] >= 0.85
    if kind == "one_in_five":
        assert covered(kind, 6, over_values)[0] < 0.85
