"""Points as text: whatever a value holds comes back, and what asv's results have stored so far is written the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.points import Value, point_of, text_of, value_of
from bench.records.record import Case
from reports.read.asv import contents

TEXTS = st.one_of(st.text(), st.text(alphabet=", =a1'\"\\"))
NUMBERS = st.one_of(st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
AXES = st.from_regex(r"[a-z_][a-z0-9_]*", fullmatch=True)
POINTS = st.dictionaries(AXES, st.one_of(TEXTS, NUMBERS)).map(lambda point: tuple(point.items()))


def kinds(point: Sequence[tuple[str, Value]]) -> list[tuple[str, type, Value]]:
    """The point with the types of its values, since 1 == True == 1.0."""
    return [(axis, type(value), value) for axis, value in point]


@given(POINTS)
def test_a_point_comes_back(point: tuple[tuple[str, Value], ...]) -> None:
    # asv keeps no types: a text that is written as a number is has always been that number.
    known = [(axis, value_of(value) if isinstance(value, str) else value) for axis, value in point]
    assert kinds(point_of(text_of(point))) == kinds(known)
    assert text_of(point_of(text_of(point))) == text_of(point)


@given(st.dictionaries(AXES, st.one_of(st.text().filter(lambda text: "," not in text), NUMBERS)))
def test_values_without_commas_are_written_as_they_ever_were(point: dict[str, Value]) -> None:
    assert text_of(point.items()) == ", ".join(f"{axis}={value}" for axis, value in point.items())


@pytest.mark.parametrize(
    ("text", "value"),
    [("64", 64), ("-1", -1), ("1e-05", 1e-5), ("True", True), ("1e3", "1e3"), (" 1", " 1"), ("0x10", "0x10"), ("", "")],
)
def test_only_what_is_written_as_a_number_is_one(text: str, value: Value) -> None:
    assert kinds([("axis", value_of(text))]) == kinds([("axis", value)])


def test_a_comma_inside_a_value_is_no_other_axis() -> None:
    case = Case("w", 1, (("kernel", "1, 2"), ("batch", 64)), "cpu", "float32", "eager", 1)
    assert case.point_text == "kernel=1,, 2, batch=64"
    assert case.label == "w(kernel=1,, 2,batch=64)"
    # What was stored before commas were doubled.
    assert point_of("kernel=1, 2, batch=64") == point_of("kernel=1,, 2, batch=64") == case.point


@given(POINTS)
def test_asv_s_results_give_the_point_that_was_measured(point: tuple[tuple[str, Value], ...]) -> None:
    params = [[repr(text)] for text in (text_of(point), "cpu", "float32", "eager", "1")]  # as asv stores them
    stored = {"w.track_step_time": {"params": params, "result": [1.0]}}
    (record,) = contents(Path("a.json"), {"results": stored, "commit_hash": "a"}, {}).records
    assert (record.metric, record.case.workload) == ("step_time", "w")
    assert record.case.point_text == text_of(point)
