"""How cost grows, as text, as a section of the page and for programs: from times that are known."""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records.files import Contents
from bench.records.record import Case, Environment, Record
from reports.format.html import templates
from reports.read.frames import Figure, figures, frame_of
from reports.read.runs import gather
from reports.topics.growth.figures import Course, cache_near, courses
from reports.topics.growth.plot import plot
from reports.topics.growth.section import section
from reports.topics.growth.text import as_json, growth_text, meanings

SIZES = tuple(2**power for power in range(8, 19))
FACTS = Environment((("cache_2_bytes", 2**19), ("cache_3_bytes", 2**25), ("memory_bytes", 2**33)))
JITTER = (0.99, 1.0, 1.01, 0.995, 1.005)
KNEE = 20_000


def times(size: int, mode: str) -> float:
    """Eager: 10 µs of overhead, and thrice as slow beyond a knee; compiled has twice the overhead, half of the rest."""
    rest = 2e-9 * size * (3 if size > KNEE else 1)
    return 10e-6 + rest if mode == "eager" else 20e-6 + rest / 2


def records(*modes: str, workload: str = "made.chain", sizes: tuple[int, ...] = SIZES) -> list[Record]:
    found = []
    for mode in modes:
        for size in sizes:
            case = Case(workload, 1, (("kind", "plain"), ("size", size)), "cpu", "float32", mode, 1)
            other = next((each for each in modes if each != mode), "")
            found += [
                Record("r", FACTS.id, case, "step_time", values=(times(size, mode) * jitter,) * 3, launch=launch,
                       turns=other)
                for launch, jitter in enumerate(JITTER)
            ]  # fmt: skip
            found.append(Record("r", FACTS.id, case, "peak_memory", values=(float(32 * size),)))
    return found


def contents(found: list[Record]) -> Contents:
    return Contents(tuple(found), {FACTS.id: FACTS})


def figures_of(found: list[Record]) -> list[Figure]:
    return figures(frame_of(contents(found)))


def course_of(found: list[Record]) -> Course:
    (course,) = courses(figures_of(found), {FACTS.id: FACTS})
    return course


def test_a_course_has_its_curves_what_fits_and_from_where_compiling_pays() -> None:
    course = course_of(records("eager", "compile"))
    assert (course.workload, course.device, course.axis, course.rest) == ("made.chain", "cpu", "size", "kind=plain")
    eager, compiled = course.curves
    assert eager.growth
    assert eager.growth.overhead == pytest.approx(10e-6, rel=0.1)
    assert eager.growth.overhead_ends
    assert eager.growth.overhead_ends.value == pytest.approx(5000, rel=0.2)
    (knee,) = eager.growth.knees
    assert knee.low <= KNEE <= knee.high
    assert eager.fits == pytest.approx(2**33 / 32, rel=1e-6)
    assert [point.size for point in compiled.points] == list(SIZES)
    (gain,) = course.gains
    assert gain.pays
    assert gain.pays.high
    # Compiled has caught up where half of the rest is 10 µs: at 10,000.
    assert 8192 < gain.pays.high < 16384


def test_a_mode_that_never_pays_or_always_does_is_said_to() -> None:
    def said(factor: float) -> str:
        found = [
            replace(record, values=(factor * times(int(dict(record.case.point)["size"]), "eager"),) * 3)
            if (record.case.mode, record.metric) == ("compile", "step_time") else record
            for record in records("eager", "compile")
        ]  # fmt: skip
        return " ".join(meanings(course_of(found)))

    assert "compile never surely pays within what was measured (compile / eager is 1.20 at the largest)" in said(1.2)
    assert "compile pays from the smallest size on (compile / eager is 0.800 at the largest)" in said(0.8)


def test_the_text_says_it_all() -> None:
    text = growth_text(courses(figures_of(records("eager", "compile")), {FACTS.id: FACTS}))
    assert "made.chain (cpu, kind=plain), along size" in text
    assert "compile / eager [95 %]" in text
    assert "eager: overhead, " in text
    assert re.search(
        r"a knee at size .*, from n\^1.00 to n\^1.00, where it costs 2.\d+ times as much; a step holds", text
    )
    assert "about what the level 2 cache does (512 KiB)" in text
    assert "fits in the 8.00 GiB of the cpu up to size 268 M or so, far beyond what was measured" in text
    assert "compile surely pays from size " in text
    assert "about: the usual cost" in text
    assert growth_text([]) == ""


def test_fewer_sizes_than_a_line_takes_are_shown_without_one() -> None:
    found = figures_of(records("eager", sizes=(64, 128)))
    assert courses(found, {}) == []
    (course,) = courses(found, {}, 2, 1.0)
    assert course.memory_bytes is None
    assert course.caches == ()
    assert "An exponent takes 3 sizes that could be measured" in growth_text([course], "markdown")


def test_a_line_that_its_times_lie_far_off_is_not_drawn() -> None:
    found = [
        replace(record, values=tuple(value * (3 if number % 2 else 1) for value in record.values))
        for number, size in enumerate((64, 1024, 16384, 262144, 4194304))
        for record in records("eager", sizes=(size,)) if record.metric == "step_time"
    ]  # fmt: skip
    course = course_of(found)
    assert course.curves[0].growth is None
    assert list(meanings(course)) == ["eager: no a + b n^k describes its times at 5 sizes; more sizes may tell"]
    assert plot([([(point.size, point.time) for point in course.curves[0].points], None)]).lines[0].path == ""


@pytest.mark.parametrize("sizes", [(1, 2, 4, 8), (1, 2, 4, 8, 15), (100, 200, 300, 400, 500, 600)])
def test_a_few_sizes_or_ones_close_together_are_no_course(sizes: tuple[int, ...]) -> None:
    assert courses(figures_of(records("eager", sizes=sizes)), {}) == []


def test_axes_that_are_no_sizes_are_no_courses() -> None:
    found = [
        Record("r", "e", Case("made.x", 1, ((axis, value),), "cpu", "float32", "eager", 1), "step_time", values=(1.0,))
        for axis, values in (("ranks", (1, 2, 4, 8, 16)), ("on", (True, False)), ("name", ("a", "b")), ("low", (-1, 0)))
        for value in values
    ]
    assert courses(figures_of(found), {}, 2, 1.0) == []


def test_programs_have_seconds_bytes_and_sizes() -> None:
    (found,) = json.loads(json.dumps(as_json([course_of(records("eager", "compile"))]), allow_nan=False))
    assert found["axis"] == "size"
    assert found["modes"][0]["step_time"]["overhead"] == pytest.approx(10e-6, rel=0.1)
    assert found["modes"][0]["peak_memory"]["pieces"][0]["exponent"]["value"] == pytest.approx(1.0)
    assert len(found["pays"]["compile"]["ratios"]) == len(SIZES)
    assert found["pays"]["compile"]["from"]["high"] > 8192


def test_the_section_is_drawn_and_texts_are_escaped(tmp_path: Path) -> None:
    found = records("eager", "compile", workload="made.<script>alert(1)</script>")
    material = gather([("one.jsonl", contents(found))])
    made = section(material, [])
    assert made
    html = templates().get_template("growth/section.html").render(section=made, drawn=made.drawn)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<circle") == 2 * len(SIZES)
    assert html.count('class="fit" d="M') == 2
    assert "var(--c1)" in html
    assert "var(--c6)" in html
    assert "compile surely pays from size" in html
    few = gather([("one.jsonl", contents(records("eager", sizes=(64, 128))))])
    assert section(few, []) is None


def test_a_drawing_stays_inside_its_edges_and_its_labels_apart() -> None:
    course = course_of(records("eager", "compile"))
    made = plot([([(point.size, point.time) for point in curve.points], curve.growth) for curve in course.curves])
    for line in made.lines:
        assert all(52 <= x <= 408 and 10 <= y <= 258 for x, y, _ in line.discs)
        assert line.path.count("M") == len(course.curves[0].growth.pieces)  # type: ignore[union-attr]
    places = [place for place, _ in made.x_ticks]
    assert min(after - before for before, after in itertools.pairwise(places)) >= 42
    assert made.x_ticks[0][1] == "256"
    assert [label for _, label in made.y_ticks] == ["10.0 µs", "100 µs", "1.00 ms"]


def test_a_cache_is_near_within_a_factor_of_two() -> None:
    caches = ((1, 2.0**15), (2, 2.0**20))
    assert cache_near(1.5 * 2**20, caches) == (2, 2.0**20)
    assert cache_near(3 * 2**20, caches) is None
    assert math.isclose(cache_near(0.6 * 2**15, caches)[1], 2**15)  # type: ignore[index]
