"""The machine's pace beside launches, from what was read with their values to what a table says of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.records.files import Contents
from bench.records.lines import parse_line, record_line
from bench.records.record import REFERENCE, Case, Environment, Record
from reports.read.frames import Figure, figures, frame_of
from reports.read.laid_out import joined, paces_of, usual_references
from reports.read.pairs import at_one_pace, time_ratio
from reports.read.rows import Row, summary_of
from reports.topics.compare.figures import are_of_one_machine, versus
from reports.topics.overview.known import distance_of
from reports.topics.pace.figures import Allowance
from reports.topics.pace.text import compared_text, pace_text

PACES = (1.0, 1.4, 1.0, 0.95, 1.3, 1.05, 1.0, 1.2)
USUAL_S = 4e-5


def launch(number: int, pace: float | None, step_s: float, name: str = "step", run: str = "run") -> Record:
    """A launch whose step follows the pace."""
    case = Case(f"some.{name}", 1, (), "cpu", "float32", "eager", 1)
    record = Record(run, "here", case, "step_time", values=(step_s * (pace or 1.0),) * 3, launch=number, layout=number)
    return record if pace is None else replace(record, readings=((REFERENCE, (USUAL_S * pace,) * 3),))


def measured(paces: tuple[float | None, ...], step_s: float = 1e-3, name: str = "step") -> list[Record]:
    """A launch for each pace; steps differ by half a percent besides."""
    dice = np.random.default_rng(len(paces))
    return [
        launch(number, pace, step_s * math.exp(0.005 * dice.normal()), name) for number, pace in enumerate(paces)
    ]  # fmt: skip


def seen(*records: Record) -> dict[str, Figure]:
    return {figure.workload: figure for figure in figures(frame_of(Contents(records, {})))}


def test_a_figure_is_levelled_by_the_pace_beside_it() -> None:
    figure = seen(*measured(PACES))["some.step"]
    assert figure.paces == pytest.approx([pace / 1.025 for pace in PACES])
    found, plain = summary_of(figure), summary_of(replace(figure, paces=()))
    assert found.half_width is not None
    assert plain.half_width is not None
    assert found.half_width < plain.half_width / 4
    assert (found.spread, found.values, found.launches) == (plain.spread, plain.values, plain.launches)
    assert figure.launches[1] == pytest.approx((1.4e-3,) * 3, rel=0.02)  # what was measured stays as it was


def test_it_is_said_that_step_times_are_told_as_of_the_usual_machine() -> None:
    records = [
        replace(each, machine=(("spin_after", 1e-4 * (1 + 0.1 * each.launch)), ("spin_before", 1e-4)))
        for each in measured(PACES)
    ]  # fmt: skip
    assert "by work that was timed beside their values" in pace_text(list(seen(*records).values()))
    plain = [replace(each, readings=()) for each in records]
    assert "Absolute times are of the machine as it usually was" in pace_text(list(seen(*plain).values()))


def test_the_usual_pace_is_that_of_the_whole_run() -> None:
    """A case whose launches all fell into slow minutes is told as the machine usually was."""
    slow, others = (1.4, 1.35, 1.3, 1.45, 1.38, 1.2), [measured((1.0,) * 6, name=f"other{n}") for n in range(5)]
    found = seen(*measured(slow), *(record for records in others for record in records))
    assert found["some.step"].paces == pytest.approx(slow)
    summary = summary_of(found["some.step"])
    assert summary.low is not None
    assert summary.low < 1e-3
    assert float(np.median([values[0] for values in found["some.step"].launches])) > 1.2e-3


def test_runs_have_a_usual_pace_each() -> None:
    records = [launch(0, 2.0, 1e-3, run="slow"), launch(0, 1.0, 1e-3, run="fast")]
    assert usual_references(records) == pytest.approx({"slow": 2 * USUAL_S, "fast": USUAL_S})
    assert paces_of(records, usual_references(records)) == pytest.approx((1.0, 1.0))


def test_a_launch_without_a_pace_leaves_the_figure_as_it_was() -> None:
    figure = seen(*measured((*PACES, None)))["some.step"]
    assert figure.paces == ()
    assert len(figure.launches) == len(PACES) + 1


def test_launches_of_one_layout_are_one_with_what_was_read_with_all() -> None:
    first, second = (replace(launch(number, pace, 1e-3), layout=5) for number, pace in ((0, 1.0), (1, 3.0)))
    (found,) = joined([first, second])
    assert len(found.values) == len(dict(found.readings)[REFERENCE]) == 6
    (other,) = joined([first, replace(second, readings=())])
    assert other.readings == ()
    assert parse_line(record_line(found)) == found


def test_two_runs_compare_levelled() -> None:
    """By chance one of them had more slow launches; both have the same machine."""
    first, second = (1.0, 1.3, 1.3, 0.95, 1.35, 1.0, 1.28, 1.3), (1.0, 0.97, 1.3, 0.95, 1.0, 1.0, 1.02, 0.98)
    sides = [
        replace(seen(*measured(paces))["some.step"], paces=paces, source=source)
        for paces, source in ((first, "a"), (second, "b"))
    ]  # fmt: skip
    plain, found = time_ratio(*(replace(side, paces=()) for side in sides)), time_ratio(*sides)
    assert plain.value < 0.85
    assert found.value == pytest.approx(1.0, abs=0.02)


def two_runs(slower: float, head_s: float, paces: tuple[float, ...] = PACES) -> tuple[list[Row], str]:
    """A run, and another on a machine that is slower all the time, compared; and what is said of the machine."""
    environment = Environment((("cpu", "A"), ("python", "3.11.7")))
    contents = [
        Contents(
            tuple(
                replace(record, machine=(("spin_after", 1e-4), ("spin_before", 1e-4)))
                for record in measured(tuple(pace * factor for pace in paces), step_s)
            ),
            {"here": environment},
        )
        for factor, step_s in ((1.0, 1e-3), (slower, head_s))
    ]  # fmt: skip
    frames = [frame_of(each, source) for each, source in zip(contents, "ab", strict=True)]
    text = compared_text(*(figures(frame) for frame in frames), ("a", "b"))
    return versus(pd.concat(frames, ignore_index=True), "source", ["a", "b"], {"here": environment}), text


@pytest.mark.parametrize("slower", [1.0, 1.3, 0.8])
def test_a_slow_machine_is_not_a_slow_step(slower: float) -> None:
    """The step's launches tell how it follows the machine: the rows are as at one pace, of which the text says so."""
    (row, *_), text = two_runs(slower, 1e-3)
    assert row.metric == "step_time"
    assert row.ratio == pytest.approx(1.0, abs=0.03)
    assert row.base is not None
    assert row.head == pytest.approx(row.base, rel=0.04)
    assert row.verdict in ("same", "undecided")
    assert ("told as at a pace between the two" in text) == (slower != 1.0)


@pytest.mark.parametrize("slower", [1.0, 1.3, 0.8])
def test_a_slow_step_is_found_on_a_slow_machine(slower: float) -> None:
    (row, *_), _ = two_runs(slower, 1.2e-3)
    assert row.ratio == pytest.approx(1.2, abs=0.04)
    assert row.verdict == "slower"


def test_of_a_steady_machine_that_is_another_the_intervals_allow_for_all_of_it() -> None:
    """Launches that all had one pace do not say what another would make of them."""
    (row, *_), _ = two_runs(1.3, 1e-3, (1.0, 1.001, 1.0, 0.999, 1.0, 1.001, 1.0, 1.0))
    assert row.ratio_low is not None
    assert row.ratio_high is not None
    assert row.ratio == pytest.approx(1.3, abs=0.02)  # what was measured, for nothing says better
    assert row.ratio_low < 1.01
    assert row.verdict == "undecided"


def test_too_few_launches_to_be_levelled_allow_for_all_of_it_too() -> None:
    few, more = (seen(*measured(paces))["some.step"] for paces in (PACES[:3], PACES))
    slower = Allowance(reference=1.3)
    assert slower.of(few, more) == slower.of(more, few) == (1.0, 1.3)
    assert slower.of(more, more)[1] < 1.03


def test_paces_of_two_models_of_machine_are_not_set_against_each_other() -> None:
    base, head = (seen(*measured(PACES))["some.step"] for _ in range(2))
    assert base.reference_s is not None
    twice = replace(head, reference_s=2 * base.reference_s)
    assert at_one_pace(base, replace(head, paces=()))[0] is base
    assert at_one_pace(base, twice)[0].paces == pytest.approx([pace / math.sqrt(2) for pace in base.paces])
    one, other = (Environment((("cpu", name), ("python", "3.11.7"))) for name in "AB")
    here, there = replace(base, environment="one"), replace(twice, environment="other")
    assert are_of_one_machine(here, there, {"one": one, "other": one})
    assert not are_of_one_machine(here, there, {"one": one, "other": other})


def test_a_run_under_way_is_as_far_as_its_levelled_figures_are() -> None:
    records = measured(PACES)
    assert distance_of(records, 0.05) < 1.0 < distance_of([replace(each, readings=()) for each in records], 0.05)
