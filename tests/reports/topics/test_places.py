"""Where in the code a part comes from, and whether the change between two revisions touches it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.record import OUTSIDE
from reports.topics.gate.cause import Cause, Part
from reports.topics.gate.places import Diff, Location, bodies, where

BASE = """import torch

def helper(x):
    return x.relu()

def run(x):
    x = helper(x)
    return x @ x
"""
HEAD = """import torch
import math

def helper(x):
    return x.relu()

def run(x):
    x = helper(x)
    x = x.t().contiguous()
    return x @ x
"""
RELU, MM, COPY = "aten::relu 4x4", "aten::mm 4x4 4x4", "aten::copy_ 4x4 4x4"


def diff(base: str = BASE, head: str = HEAD) -> Diff:
    return Diff(
        lambda path: base.splitlines() if path == "m.py" else [],
        lambda path: head.splitlines() if path == "m.py" else [],
    )


def calls(*each: tuple[str, str, tuple[str, ...]]) -> dict[str, float]:
    return {"\t".join((part, module, *stack)): 1.0 for part, module, stack in each}


BEFORE = calls((RELU, "", ("m.py:4 helper", "m.py:7 run")), (MM, "", ("m.py:8 run",)))
AFTER = calls(
    (RELU, "", ("m.py:5 helper", "m.py:8 run")), (MM, "", ("m.py:10 run",)), (COPY, "layer1", ("m.py:9 run",))
)  # fmt: skip


def said(
    part: str, is_slower: bool = True, before: Mapping[str, float] = BEFORE, after: Mapping[str, float] = AFTER
) -> str:
    return where(before, after, frozenset({part}), diff(), is_slower)


def test_a_new_call_is_placed_on_its_line_which_the_change_touches() -> None:
    assert said(COPY) == "from m.py:9 in layer1, which this change touches"


def test_a_line_that_only_moved_is_not_touched() -> None:
    assert said(RELU) == "from m.py:5"
    assert said(MM) == "from m.py:10"


def test_of_many_places_that_nothing_singles_out_none_is_named() -> None:
    many = calls(*((MM, f"layer{n}", ("m.py:10 run",)) for n in range(3)))
    assert said(MM, before=many, after=many) == ""


def test_a_call_that_is_gone_is_placed_where_it_was() -> None:
    assert (
        where(AFTER, BEFORE, frozenset({COPY}), diff(HEAD, BASE), is_slower=False)
        == "from m.py, where line 9 was (run)"
    )


def test_what_is_not_of_the_measured_code_is_not_placed() -> None:
    other = calls((COPY, "", ()))
    assert said(COPY, before={}, after=other) == "from code of others"


def test_without_a_change_of_the_code_nothing_is_touched() -> None:
    assert not diff(HEAD, HEAD).touches(("m.py:9 run", "m.py:8 run"))
    assert diff().touches(("m.py:5 helper", "m.py:9 run"))


@pytest.mark.parametrize(
    ("name", "is_touched"), [("run", True), ("helper", False), ("run.<listcomp>", True), ("gone", False)]
)
def test_a_function_is_touched_when_its_text_differs(name: str, is_touched: bool) -> None:
    assert diff().touches_function("m.py", name) is is_touched


def test_a_function_is_found_by_where_it_is_and_not_by_its_name_alone() -> None:
    inner = "def a():\n    if 1:\n        def run():\n            return {}\n    return run\n"
    code = inner + "\nclass B:\n    def run(self):\n        return 2\n"
    both = diff(code.format(1), code.format(3))
    assert [both.touches_function("m.py", name) for name in ("a.run", "a.run.<lambda>", "B.run", "run")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_a_file_that_is_no_python_is_compared_whole() -> None:
    assert bodies(["def ("], "run") == ["def ("]


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30))
def test_lines_that_are_the_same_are_found_on_head_as_they_are(base: list[str], head: list[str]) -> None:
    both = diff("\n".join(base), "\n".join(head))
    for number, line in enumerate(base, 1):
        moved = both.line_on_head("m.py", number)
        assert moved is None or (head[moved - 1] == line and not both.is_new("m.py", moved))


def test_python_names_the_function_that_grew_and_prefers_one_that_is_touched() -> None:
    def grown(name: str, seconds: float) -> Part:
        return Part(name, seconds, seconds / 2, seconds * 2, seconds, 0.0, 0.0)

    functions = Cause((grown("torch/nn/module.py Module.__call__", 2.0), grown("m.py run", 1.5)), 1.0, 8)
    python = Part(OUTSIDE, 1.0, 0.5, 1.5, 1.0, None, None)
    location = Location(BEFORE, AFTER, functions, diff(), is_slower=True)
    assert location.of(python) == "most of it in run (m.py), which this change touches"
    assert location.touches(python)
    assert Location(BEFORE, AFTER, None, diff(), is_slower=True).of(python) == ""
