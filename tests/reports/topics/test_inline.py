"""What a notebook shows: lines with their intervals, in text of a terminal's width and as HTML that is safe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.records.record import Case, Environment, Record
from reports.topics.inline.figures import distance, lines_of, table
from reports.topics.inline.fragment import inline_html
from reports.topics.inline.text import inline_text

HERE = Environment((("cpu", "a <b>processor</b>"), ("torch", "2.14.1")))


def visits(mode: str, seconds: float, seed: int, layouts: bool = False, count: int = 12) -> list[Record]:
    """Records of a function whose visits differ by one percent."""
    dice = np.random.default_rng(seed)
    case = Case("mine.step", 1, (), "cpu", "float32", mode, 2)
    return [
        Record(
            "run", HERE.id, case, "step_time", values=tuple(seconds * np.exp(0.01 * dice.normal(size=3))),
            items=64, item="sample", layout=number if layouts else 0, launch=number if layouts else 0,
        )
        for number in range(count)
    ]  # fmt: skip


def test_visits_of_one_process_are_its_observations() -> None:
    (line,) = lines_of(visits("eager", 2e-3, 0))
    assert line.step.launches == 12
    assert line.step.low is not None
    assert line.step.low < 2e-3 * 1.01
    assert line.throughput == pytest.approx(64 / line.step.estimate)
    assert line.ratio is None


def test_processes_are_observations_where_there_are_several() -> None:
    records = [*visits("eager", 2e-3, 0, layouts=True, count=4), *visits("eager", 2e-3, 1, layouts=True, count=4)]
    (line,) = lines_of(records)
    assert line.step.launches == 4


def test_functions_are_held_against_the_first_by_their_pairs() -> None:
    common = visits("eager", 2e-3, 0)
    halved = [
        replace(each, case=replace(each.case, mode="fast"), values=tuple(value / 2 for value in each.values))
        for each in common
    ]
    first, second = lines_of([*common, *halved])
    assert first.ratio is None
    assert second.ratio is not None
    assert (second.ratio.value, second.ratio.low, second.ratio.high) == pytest.approx((0.5, 0.5, 0.5))
    assert second.verdict == "faster"
    near = [replace(each, values=tuple(value * 1.96 for value in each.values)) for each in halved]
    assert lines_of([*common, *near])[1].verdict == "same"
    close = [replace(each, values=tuple(value * 1.93 for value in each.values)) for each in halved]
    assert lines_of([*common, *close])[1].verdict == "faster"
    unsure = [
        replace(each, values=tuple(value * (1.90 + 0.08 * (number % 2)) for value in each.values))
        for number, each in enumerate(halved)
    ]
    assert lines_of([*common, *unsure])[1].verdict == "undecided"  # in one process 5 % may be luck in part
    apart = [replace(each, layout=number) for both in (common, unsure) for number, each in enumerate(both)]
    assert lines_of(apart)[1].verdict == "faster"
    assert list(table([first, second])["verdict"]) == ["", "faster"]


def test_how_far_it_is_from_being_known_is_of_times_or_of_ratios() -> None:
    alone = visits("eager", 2e-3, 0)
    assert distance(alone, 0.5) < 1 < distance(alone, 1e-4)
    apart = [*alone, *visits("slow", 4e-3, 1)]
    assert distance(apart, 1e-4) < 1  # the interval of the ratio leaves 1 out by far


def test_the_text_fits_a_terminal_and_says_what_it_cannot_know() -> None:
    records = [*visits("eager", 2e-3, 0), *visits("a_rather_long_name_of_a_function_that_was_compared", 4e-3, 1)]
    text = inline_text(lines_of(records), records, HERE)
    assert max(map(len, text.split("\n"))) <= 120
    assert "12 visits, in turns, in this one process" in text
    assert "of eager's time" in text
    several = visits("eager", 2e-3, 0, layouts=True)
    assert "over 12 fresh processes" in inline_text(lines_of(several), several, HERE)


def test_the_html_escapes_what_others_wrote() -> None:
    records = [*visits("eager", 2e-3, 0), *visits("<script>", 4e-3, 1)]
    records = [replace(each, warnings=("<img src=x>",)) for each in records]
    page = inline_html(lines_of(records), records, HERE)
    assert "<script>" not in page
    assert "<img" not in page
    assert "<b>processor" not in page
    assert page.count("<circle") == 24


def test_values_that_are_all_alike_are_drawn_in_the_middle() -> None:
    records = [replace(each, values=(2e-3,)) for each in visits("eager", 2e-3, 0)]
    assert 'cx="80.0"' in inline_html(lines_of(records), records, HERE)
