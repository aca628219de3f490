"""The machine's pace beside the launches: how much it wandered, and whether it differed between two sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import pytest

from bench.records.files import Contents
from bench.records.lines import parse_line, record_line
from bench.records.record import Case, Environment, Record
from reports.read.frames import Figure, figures, frame_of
from reports.topics.compare.figures import versus
from reports.topics.pace.figures import Allowance, allowance, is_another, is_one_machine, pace_of
from reports.topics.pace.text import compared_text, pace_text

CASE = Case("some.step", 1, (), "cpu", "float32", "eager", 1)


def seen(*spins_s: float, stolen: float = 0.0) -> list[Figure]:
    records = [
        Record("run", "here", CASE, "step_time", values=(1e-3,), launch=number,
               machine=(("spin_after", spin_s), ("spin_before", spin_s), ("stolen", stolen)))
        for number, spin_s in enumerate(spins_s)
    ]  # fmt: skip
    return figures(frame_of(Contents(tuple(records), {})))


def test_the_facts_survive_their_line() -> None:
    record = Record("run", "here", CASE, "step_time", values=(1.0,), machine=(("spin_before", 1e-4), ("stolen", 0.25)))
    assert parse_line(record_line(record)) == record
    assert parse_line(record_line(replace(record, machine=()))) == replace(record, machine=())


def test_a_steady_machine_is_said_to_be_steady() -> None:
    assert pace_text(seen(*[1e-4] * 8)) == (
        "The machine's speed was steady: an empty loop took 100 µs beside every launch."
    )


def test_how_much_it_wandered_is_said_with_what_was_stolen() -> None:
    found = seen(*[1e-4] * 5, *[1.5e-4] * 5, stolen=0.3)
    pace = pace_of(found)
    assert pace is not None
    assert pace.wandered == pytest.approx(1.5)
    text = pace_text(found)
    assert "1.50 times" in text
    assert "up to 30 % of its time went to other machines" in text


def test_a_machine_that_differed_is_said_to_and_by_how_much() -> None:
    base, head = seen(*[1e-4] * 6), seen(*[1.2e-4] * 6)
    assert "20 % slower for b than for a" in compared_text(base, head, ("a", "b"))
    assert "17 % faster for a than for b" in compared_text(head, base, ("b", "a"))
    assert "as fast for b as for a" in compared_text(base, seen(*[1.01e-4] * 6), ("a", "b"))


def test_where_nobody_looked_nothing_is_said() -> None:
    few = seen(1e-4, 1e-4)
    assert pace_text(few) == ""
    assert compared_text(few, seen(*[1e-4] * 8), ("a", "b")) == ""


def test_another_machine_or_another_python_is_no_pace() -> None:
    here = Environment((("cpu", "A"), ("python", "3.11.7")))
    assert is_one_machine([here, here])
    assert is_one_machine([here, Environment((("cpu", "A"), ("gpu", "G"), ("hostname", "h"), ("python", "3.11.7")))])
    assert not is_one_machine([here, Environment((("cpu", "B"), ("python", "3.11.7")))])
    assert not is_one_machine([here, Environment((("cpu", "A"), ("python", "3.12.1")))])


def one_run(spin_s: float, step_s: float) -> Contents:
    watched = (("spin_after", spin_s), ("spin_before", spin_s))
    records = [
        Record("run", "here", CASE, "step_time", values=(step_s * (1 + n / 1000),) * 3, launch=n, machine=watched)
        for n in range(10)
    ]
    return Contents(tuple(records), {"here": Environment((("cpu", "A"), ("python", "3.11.7")))})


@pytest.mark.parametrize(
    ("slower", "verdict"),
    [(1.0, "slower"), (1.02, "slower"), (1.08, "undecided"), (1.2, "undecided"), (0.9, "slower")],
)
def test_a_difference_that_may_be_the_machines_is_not_called_the_codes(slower: float, verdict: str) -> None:
    """A step that takes 1.08 times as long, on a machine that was slower, or was not."""
    base, head = one_run(1e-4, 1e-3), one_run(1e-4 * slower, 1.08e-3)
    frame = pd.concat([frame_of(base, "a"), frame_of(head, "b")], ignore_index=True)
    (row,) = (r for r in versus(frame, "source", ["a", "b"], head.environments) if r.metric == "step_time")
    assert row.ratio == pytest.approx(1.08)
    assert row.verdict == verdict
    assert row.ratio_low is not None
    assert row.ratio_high is not None
    another = slower if is_another(slower) else 1.0
    assert row.ratio_low < 1.08 / max(1.0, another) <= 1.08 / min(1.0, another) < row.ratio_high


@pytest.mark.parametrize(
    ("common", "own", "verdicts"),
    [(1.029, 1.031, {"undecided"}), (1.02, 1.08, {"slower"}), (1.1, 1.1, {"slower"}), (1.0, 1.031, {"slower"})],
)
def test_what_all_step_times_have_in_common_may_be_the_machines(common: float, own: float, verdicts: set[str]) -> None:
    """All cases of a run take so many times as long; of those that are asked about as many times as `own` says."""
    watched = (("spin_after", 1e-4), ("spin_before", 1e-4))

    def run(factors: Sequence[float]) -> Contents:
        records = [
            Record("run", "here", replace(CASE, point=(("size", size),)), "step_time", launch=n, machine=watched,
                   values=(1e-3 * factor * (1 + n / 1000),) * 3)
            for size, factor in enumerate(factors) for n in range(10)
        ]  # fmt: skip
        return Contents(tuple(records), {"here": Environment((("cpu", "A"), ("python", "3.11.7")))})

    base, head = run([1.0] * 30), run([common] * 25 + [own] * 5)
    frame = pd.concat([frame_of(base, "a"), frame_of(head, "b")], ignore_index=True)
    rows = [row for row in versus(frame, "source", ["a", "b"], head.environments) if row.metric == "step_time"]
    assert {row.verdict for row in rows[25:]} == verdicts
    said = compared_text(figures(frame_of(base)), figures(frame_of(head)), ("a", "b"))
    assert ("half of all step times" in said) == (common > 1)


def test_what_few_cases_have_in_common_is_theirs() -> None:
    few = [figures(frame_of(one_run(1e-4, step_s))) for step_s in (1e-3, 1.02e-3)]
    assert allowance(*few) == Allowance()
