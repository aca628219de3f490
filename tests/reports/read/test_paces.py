"""The machine's pace beside launches, from what was read with their values to what a table says of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bench.records.files import Contents
from bench.records.lines import parse_line, record_line
from bench.records.record import REFERENCE, Case, Record
from reports.read.frames import Figure, figures, frame_of
from reports.read.laid_out import joined, paces_of, usual_references
from reports.read.pairs import time_ratio
from reports.read.rows import summary_of
from reports.topics.overview.known import distance_of

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


def test_a_run_under_way_is_as_far_as_its_levelled_figures_are() -> None:
    records = measured(PACES)
    assert distance_of(records, 0.05) < 1.0 < distance_of([replace(each, readings=()) for each in records], 0.05)
