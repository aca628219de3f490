"""The part that a change is in, from made-up profiles: what was planted is named, and nothing where nothing was."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from bench.records.record import OUTSIDE
from reports.topics.gate.cause import Cause, Part, at_rest, cause, moved
from reports.topics.gate.cause import sentence as worded

NAMES = [f"aten::op{number} 64x{number}" for number in range(20)]
BASE = {name: 1e-4 * (1 + number % 4) for number, name in enumerate(NAMES)} | {OUTSIDE: 8e-4}
Seconds = dict[str, float]


def profiles(
    head: Mapping[str, float], seed: int, noise: float = 0.02, pairs: int = 8
) -> list[tuple[Seconds, Seconds]]:
    """Pairs of profiles: each part with noise of its own, and all of a pair with the machine's speed."""
    dice = np.random.default_rng(seed)

    def seen(parts: Mapping[str, float], speed: float) -> Seconds:
        return {name: seconds * speed * float(np.exp(0.02 * dice.normal())) for name, seconds in parts.items()}

    speeds = np.exp(0.1 * dice.normal(size=pairs))
    return [(seen(BASE, speed), seen(head, speed)) for speed in speeds]


def found(head: Mapping[str, float], seed: int = 0, calls: tuple[Seconds, Seconds] = ({}, {})) -> Cause:
    what = cause(profiles(head, seed), [calls])
    assert what is not None
    return what


def sentence(what: Cause | None, is_slower: bool) -> str:
    """What is said of it where nothing of the code is known."""
    return worded(what, what.named(is_slower) if what else ())


@pytest.mark.parametrize("name", [NAMES[3], NAMES[8], OUTSIDE])
def test_the_part_that_grew_is_named_first(name: str) -> None:
    whole = sum(BASE.values())
    first = [
        (named[0].name if (named := found({**BASE, name: BASE[name] + 0.05 * whole}, seed).named(True)) else "")
        for seed in range(40)
    ]
    assert first.count(name) >= 38


def test_what_is_a_speck_of_the_change_is_no_cause() -> None:
    whole = sum(BASE.values())
    part = found({**BASE, NAMES[3]: BASE[NAMES[3]] + 0.01 * whole}).named(True)
    assert [each.name for each in part] == [NAMES[3]]
    of_everything = found({**BASE, NAMES[3]: BASE[NAMES[3]] + 0.01 * whole}).named(True, change=0.3)
    assert of_everything == []
    once_more = found({**BASE, NAMES[3]: BASE[NAMES[3]] + 0.01 * whole}, calls=({NAMES[3]: 12.0}, {NAMES[3]: 13.0}))
    assert [each.name for each in once_more.named(True, change=0.3)] == [NAMES[3]]  # a count has no noise


def test_where_nothing_changed_nothing_is_named() -> None:
    assert sum(bool(found(BASE, seed).named(slower)) for seed in range(100) for slower in (True, False)) <= 4


def test_a_new_part_is_new_and_its_calls_are_counted() -> None:
    head = {**BASE, "aten::copy_ 64x64": 5e-4}
    said = sentence(found(head, calls=({}, {"aten::copy_ 64x64": 2.0})), is_slower=True)
    assert said.startswith("+8.")
    assert said.endswith("in aten::copy_ 64x64, which is new")
    more = {**BASE, NAMES[0]: 5e-4}
    said = sentence(found(more, calls=({NAMES[0]: 3.0}, {NAMES[0]: 4.0})), is_slower=True)
    assert said.endswith(f"in {NAMES[0]}, called 4 times instead of 3")
    fewer = {name: seconds for name, seconds in BASE.items() if name != NAMES[7]}
    said = sentence(found(fewer, calls=({NAMES[7]: 1.0}, {})), is_slower=False)
    assert said.startswith("-")
    assert said.endswith("which is gone")


def test_a_call_more_is_certain_however_noisy_its_time() -> None:
    more = {**BASE, NAMES[3]: BASE[NAMES[3]] * 1.02}
    assert found(more).named(True) == []
    (part, *_) = found(more, calls=({NAMES[3]: 12.0}, {NAMES[3]: 13.0})).named(True)
    assert part.name == NAMES[3]


def certain(name: str, difference_s: float, before: float | None = 1.0, after: float | None = 1.0) -> Part:
    return Part(name, difference_s, difference_s / 2, difference_s * 2, difference_s, before, after)


def names(parts: list[Part]) -> list[str]:
    return [part.name for part in parts]


def test_what_is_called_more_often_or_touched_comes_before_what_only_takes_longer() -> None:
    found = Cause((certain("aten::relu", 6.0), certain("aten::gelu", 3.0, 0.0, 1.0), certain("aten::mm", 2.0)), 1.0, 8)
    assert names(found.named(True)) == ["aten::gelu", "aten::relu", "aten::mm"]
    touched = found.named(True, lambda part: part.name == "aten::mm")
    assert names(touched) == ["aten::gelu", "aten::mm", "aten::relu"]


def test_a_count_that_differs_from_pair_to_pair_is_no_evidence() -> None:
    calls = [({NAMES[3]: 12.0}, {NAMES[3]: 13.0}), ({NAMES[3]: 13.0}, {NAMES[3]: 14.0})]
    what = cause(profiles({**BASE, NAMES[3]: BASE[NAMES[3]] * 1.02}, 0), calls)
    assert what is not None
    assert what.named(True) == []
    (part,) = (part for part in what.parts if part.name == NAMES[3])
    assert (part.before, part.after) == (None, None)


def test_functions_of_one_file_are_not_shapes_of_one_operator() -> None:
    pairs = [({"m.py old": 1e-3 + n * 1e-7}, {"m.py new": 3e-3 + n * 1e-7}) for n in range(8)]
    what = cause(pairs)
    assert what is not None
    assert {part.name for part in what.parts} == {"m.py old", "m.py new"}


def test_fewer_calls_are_no_evidence_of_being_slower() -> None:
    fewer = Part("aten::relu", 3.0, -6.0, 11.0, 3.0, 13.0, 12.0)
    assert Cause((fewer,), 1.0, 8).named(True) == []


def test_python_that_calls_a_new_operator_comes_after_it_and_python_by_itself_before() -> None:
    def first(python_s: float) -> str:
        parts = (certain(OUTSIDE, python_s, None, None), certain("aten::sort", 1.5, 0.0, 1.0))
        return Cause(parts, 1.0, 8).named(True, lambda part: True)[0].name

    assert first(2.9) == "aten::sort"
    assert first(9.0) == OUTSIDE


def test_a_small_part_beside_a_large_one_is_not_named() -> None:
    def part(name: str, difference_s: float, half_s: float) -> Part:
        return Part(name, difference_s, difference_s - half_s, difference_s + half_s, difference_s, 1.0, 1.0)

    found = Cause((part("large", 10.0, 1.0), part("unsure", 9.0, 20.0), part("small", 0.5, 0.1)), 1.0, 8)
    assert [one.name for one in found.named(True)] == ["large"]


def test_another_shape_is_the_same_part_moved() -> None:
    name = NAMES[3]
    head = {other: seconds for other, seconds in BASE.items() if other != name} | {"aten::op3 64x30": BASE[name] + 4e-4}
    pairs = profiles(head, 0)
    assert set(moved(pairs).values()) == {"aten::op3 64x30 instead of 64x3"}
    said = sentence(cause(pairs, [({name: 1.0}, {"aten::op3 64x30": 1.0})]), is_slower=True)
    assert said.endswith("in aten::op3 64x30 instead of 64x3")
    assert said.startswith("+7.")


def test_python_is_called_by_its_name() -> None:
    said = sentence(found({**BASE, OUTSIDE: 2e-3}), is_slower=True)
    assert said.endswith("in Python, between operators")


def test_what_does_not_stand_out_says_what_was_looked_at() -> None:
    said = sentence(found(BASE), is_slower=True)
    assert said.startswith("no part stands out in 8 pairs of profiles, of aten::op") or "Python" in said
    assert sentence(cause(profiles(BASE, 0, pairs=2)), True).startswith("its parts were not seen often enough")


def small(grown: float, seed: int, swing: float = 0.06) -> Cause:
    """Of a case at one speed: a part of a twentieth of the step, and processes that differ by their machine's speed."""
    dice = np.random.default_rng(seed)
    head = {**BASE, NAMES[3]: BASE[NAMES[3]] * (1 + grown)}
    pairs = []
    for base, other in profiles(head, seed, pairs=24):
        speed = float(np.exp(swing * dice.normal()))
        pairs.append((base, {name: seconds * speed for name, seconds in other.items()}))
    what = cause(pairs, at_one_speed=True)
    assert what is not None
    return what


def test_a_small_part_that_grew_is_found_however_fast_the_machine_was_for_either_process() -> None:
    said = [[part.name for part in small(0.08, seed).grown()] for seed in range(40)]
    assert said.count([NAMES[3]]) >= 38
    assert [part.difference_s for part in small(0.08, 1).parts if part.name == NAMES[3]] == pytest.approx(
        [0.08 * BASE[NAMES[3]]], rel=0.5
    )


def test_where_no_small_part_grew_none_is_named() -> None:
    assert sum(bool(small(0.0, seed).grown()) for seed in range(200)) <= 5
    # A machine that is slower for head on average is no part that grew.
    assert not small(0.0, 1, swing=0.3).grown()


def test_pairs_of_one_speed_have_their_plain_means() -> None:
    differences = np.array([[1.0, 2.0], [3.0, 2.0], [2.0, 5.0], [2.0, 3.0]])
    means, errors, freedom = at_rest(differences, np.zeros(4))
    assert means == pytest.approx([2.0, 3.0])
    assert errors == pytest.approx(differences.std(axis=0, ddof=1) / 2)
    assert freedom == 3
    # A part that follows the machine by half, and did not change besides.
    speeds = np.array([0.1, 0.3, -0.1, 0.2])
    means, errors, freedom = at_rest(0.5 * speeds[:, np.newaxis], speeds)
    assert means == pytest.approx([0.0], abs=1e-12)
    assert errors == pytest.approx([0.0], abs=1e-12)
    assert freedom == 2
