"""Drawings of step times: small, true to the extremes, on one axis."""

from __future__ import annotations

import re
from pathlib import Path

from reports.stats.intervals import summarize
from reports.topics.timing import strip
from reports.topics.timing.section import timings
from tests.reports.asked import material_of


def test_a_drawing_is_small_and_keeps_the_extremes() -> None:
    launches = [tuple(1e-3 + 1e-6 * ((7 * i) % 97) for i in range(2000)) for _ in range(3)]
    launches[1] = (*launches[1][:500], 5e-4, *launches[1][500:])
    drawing = strip.strip(launches, summarize(launches), "s", strip.axis([launches]))
    assert drawing.dots.count("M") <= strip.MOST_VALUES + 2 * len(launches)
    assert len(drawing.dots) + len(drawing.bars) < 3000
    assert min(float(y) for y in re.findall(r"M\d+ ([\d.]+)h0", drawing.dots)) >= strip.TOP
    assert 500 in strip.thinned(launches[1], 40)


def test_a_stray_value_does_not_flatten_the_drawing() -> None:
    launches = [(1.0, 1.01, 1.02, 1.03, 1.02, 1.01, 50.0)]
    drawing = strip.strip(launches, summarize(launches), "s", strip.axis([launches]))
    assert drawing.beyond == 1
    assert drawing.top_label == "1.12 s"


def test_many_launches_fit_in_a_drawing() -> None:
    launches = [(1.0 + 0.01 * number,) for number in range(200)]
    drawing = strip.strip(launches, summarize(launches), "s", strip.axis([launches]))
    assert len(drawing.launches) == len(launches)
    assert all(strip.LEFT <= mark.left < mark.right <= strip.RIGHT for mark in drawing.launches)


def test_the_runs_of_a_case_share_one_axis(folder: Path) -> None:
    ((_, rows),) = (group for group in timings(material_of("a.jsonl", "b.jsonl")) if group[0] == "mnist")
    first, second = (row.drawing for row in rows if row.name.startswith("mnist.train") and "eager" in row.where)
    assert (first.top_label, first.bottom_label) == (second.top_label, second.bottom_label)
    assert first.estimate > second.estimate  # the slower run lies higher, at a smaller y
    assert (first.beyond, second.beyond) == (0, 0)


def test_values_that_are_all_the_same_are_drawn() -> None:
    for value in (0.0, 1e-9, 3.0):
        drawing = strip.strip([(value,)], summarize([(value,)]), "s", strip.axis([[(value,)]]))
        assert "nan" not in drawing.dots + drawing.bars
